"""Kafka: a broker on each labelled node, with ZooKeeper where nodes have its label, else KRaft.

A broker has two ways in: INTERNAL, by names of the overlay, and EXTERNAL, by its node's address.
Both are port 9092 to those who use them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType

from cluster.errors import ConfigError, nearest
from cluster.inventory import Host
from cluster.numbers import numbers
from cluster.secrets import Secret
from cluster.service import Cluster, Service
from cluster.settings import Setting
from cluster.spec import Container, Image, Mount, Port, Probe, SecretFile
from cluster.state import FoundNode, State
from services.common import cpus, identity, memory, user
from services.images import plain
from services.zookeeper import check_heap, connection

_DATA = "/var/lib/kafka"
_INTERNAL, _CONTROLLER, _EXTERNAL = 9092, 9093, 9094  # inside the container
_LEAST_HEAP = 256 << 20  # bytes; below, a broker runs out of memory under its first topics
_CONTROLLERS = 3
# Variables of Java's, which are no properties of a broker.
_JAVA = ("KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS")


class Kafka(Service):
    """See the module."""

    name = "kafka"
    title = "Kafka"
    shell = ("bash",)
    numbered = True
    verbs = MappingProxyType(
        {"drain": ("Move all partitions off a node's broker, before it goes.", ("kafka-drain",))}
    )
    settings = (
        Setting("KAFKA_NAME", "name", "kafka-skp", "container name, before its number; alias"),
        Setting("KAFKA_PORT", "port", "9092", "port on each node, for clients outside"),
        Setting("KAFKA_IMAGE", "image", "skp/docker-kafka", "image"),
        Setting("KAFKA_TAG", "tag", "latest", "image tag"),
        Setting("KAFKA_VOLUME", "path", "/var/kafka", "data, on each node's own disk"),
        Setting(
            "KAFKA_PUBLIC_ADDRESS",
            "text",
            "",
            'what clients outside are told: c01=ADDRESS,c02=ADDRESS,...; "" for the nodes\' own',
        ),
        Setting("KAFKA_HEAP", "memory", "1g", "Java's heap; at least 256m"),
        Setting("KAFKA_MEMORY", "memory", "", "memory limit"),
        Setting("KAFKA_CPUS", "cpus", "", "CPU limit"),
    )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """One image for both modes."""
        return (plain(cluster.settings, self.name, cluster.settings.text("KAFKA_TAG")),)

    def notes(self, cluster: Cluster) -> tuple[str, ...]:
        """What the data says of itself, and of its controllers."""
        volume = cluster.settings.text("KAFKA_VOLUME")
        return f"{volume}/data/meta.properties", f"{volume}/voters"

    def claimed(self, cluster: Cluster, node: FoundNode) -> int:
        """Return the broker's id in the data."""
        said = self._said(cluster, node)
        text = said.get("node.id") or said.get("broker.id") or ""
        return int(text) if text.isdigit() else 0

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """One broker per labelled node."""
        hosts = self.hosts(cluster)
        if not hosts:
            return
        check_heap(cluster, "KAFKA_HEAP", _LEAST_HEAP)
        addresses = _addresses(cluster, hosts)
        own = numbers(self, cluster, facts)
        zookeeper = connection(cluster, facts)
        mode = (
            partial(_with_zookeeper, zookeeper) if zookeeper else self._kraft(cluster, facts, own)
        )
        common = _common(cluster, len(hosts))
        (image,) = self.images(cluster)
        text = cluster.settings.text
        for host in hosts:
            number = own[host.name]
            name = f"{text('KAFKA_NAME')}-{number}"
            told = f"INTERNAL://{name}:{_INTERNAL},EXTERNAL://{addresses[host.name]}:{text('KAFKA_PORT')}"
            yield Container(
                node=host.name,
                name=name,
                service=self.name,
                image=image,
                environment=(*common, ("KAFKA_ADVERTISED_LISTENERS", told), *mode(number)),
                mounts=(Mount(text("KAFKA_VOLUME"), _DATA, create=True),),
                ports=(Port(cluster.settings.number("KAFKA_PORT"), _EXTERNAL),),
                files=_properties(cluster),
                network=text("SKP_NET"),
                aliases=(text("KAFKA_NAME"),),
                user=user(cluster, facts, host.name),
                memory=memory(cluster, "KAFKA_MEMORY"),
                cpus=cpus(cluster, "KAFKA_CPUS"),
                probe=Probe(("kafka-health",), timeout=6),
                stop_timeout=120,
                after=("registry", "zookeeper"),
                turn=number,
                settled=("kafka-settled",),
                leaving=("kafka-leaving",),
                obstacle=self._wrong_data(cluster, facts, host.name, number),
            )

    def _kraft(self, cluster: Cluster, facts: State, own: Mapping[str, int]) -> partial[_Pairs]:
        """Return how a broker of a cluster without ZooKeeper is set; its voters never change."""
        kept = Counter(
            text.strip()
            for node in facts.nodes.values()
            if (text := node.notes.get(self.notes(cluster)[1], ""))
        )
        name = cluster.settings.text("KAFKA_NAME")
        count = _CONTROLLERS if len(own) >= _CONTROLLERS else 1
        first = [f"{n}@{name}-{n}:{_CONTROLLER}" for n in sorted(own.values())[:count]]
        voters = kept.most_common(1)[0][0] if kept else ",".join(first)
        return partial(_with_kraft, self._identity(cluster, facts), voters)

    def _identity(self, cluster: Cluster, facts: State) -> str:
        """Return the cluster's id: ours, unless all data that is there agrees on another."""
        ours = identity(cluster, self.name)
        found = {
            self._said(cluster, node).get("cluster.id", "") for node in facts.nodes.values()
        } - {""}
        return found.pop() if len(found) == 1 else ours

    def _wrong_data(
        self, cluster: Cluster, facts: State, node: str, number: int
    ) -> tuple[str, ...]:
        """Return what is wrong with the data on `node`, and what to do; () for nothing."""
        if node not in facts.nodes or not (said := self._said(cluster, facts.nodes[node])):
            return ()
        volume = cluster.settings.text("KAFKA_VOLUME")
        way_out = (
            f"Nothing was changed; move what is in {volume} on {node} away, or give its label back."
        )
        with_zookeeper = bool(connection(cluster, facts))
        if with_zookeeper != (said.get("version") == "0"):
            return _MODES[with_zookeeper](volume)
        claim = self.claimed(cluster, facts.nodes[node])
        if claim not in (0, number):
            return f"{volume} has the data of broker {claim}, and this is broker {number}", way_out
        if said.get("cluster.id") not in (None, self._expected(cluster, facts)):
            return f"{volume} has the data of another cluster ({said['cluster.id']})", way_out
        return ()

    def _expected(self, cluster: Cluster, facts: State) -> str | None:
        """Return the id that data has to have: of KRaft ours, with ZooKeeper the commonest."""
        if not connection(cluster, facts):
            return self._identity(cluster, facts)
        found = Counter(
            cluster_id
            for node in facts.nodes.values()
            if (cluster_id := self._said(cluster, node).get("cluster.id"))
        )
        return found.most_common(1)[0][0] if found else None

    def _said(self, cluster: Cluster, node: FoundNode) -> dict[str, str]:
        """Return the properties in the data's meta.properties; {} for new data."""
        text = node.notes.get(self.notes(cluster)[0], "")
        pairs = [line.partition("=") for line in text.splitlines() if not line.startswith("#")]
        return {key.strip(): value.strip() for key, _, value in pairs}


_Pairs = tuple[tuple[str, str], ...]


def _without_zookeeper(volume: str) -> tuple[str, str]:
    return (
        f"{volume} has the data of a cluster with ZooKeeper, and no node has the label zookeeper",
        "Give the label back; how to move to KRaft: docs/kafka.md.",
    )


def _no_way_back(volume: str) -> tuple[str, str]:
    return (
        f"{volume} has data of a cluster without ZooKeeper (KRaft), and nodes have that label",
        "Take that label away; there is no way back from KRaft: docs/kafka.md.",
    )


_MODES = {False: _without_zookeeper, True: _no_way_back}


def _common(cluster: Cluster, count: int) -> _Pairs:
    """Return what all brokers have, safe for `count` of them: one may fail if there are three."""
    copies, least = min(3, count), 2 if count >= 3 else 1
    heap = cluster.settings.text("KAFKA_HEAP")
    given = cluster.settings.others("KAFKA_")
    pairs = {
        "KAFKA_HEAP_OPTS": f"-Xms{heap} -Xmx{heap}",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INTERNAL",
        "KAFKA_DEFAULT_REPLICATION_FACTOR": copies,
        "KAFKA_MIN_INSYNC_REPLICAS": least,
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": copies,
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": copies,
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": least,
        "SKP_BOOTSTRAP": f"{cluster.settings.text('KAFKA_NAME')}:{_INTERNAL}",
        **{key: value for key, value in given.items() if key in _JAVA},
    }
    return tuple((key, str(value)) for key, value in pairs.items())


def _with_zookeeper(zookeeper: str, number: int) -> _Pairs:
    listeners = f"INTERNAL://0.0.0.0:{_INTERNAL},EXTERNAL://0.0.0.0:{_EXTERNAL}"
    return (
        ("KAFKA_BROKER_ID", str(number)),
        ("KAFKA_ZOOKEEPER_CONNECT", zookeeper),
        ("KAFKA_LISTENERS", listeners),
        ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"),
    )


def _with_kraft(cluster_id: str, voters: str, number: int) -> _Pairs:
    controls = str(number) in [voter.partition("@")[0] for voter in voters.split(",")]
    listeners = f"INTERNAL://0.0.0.0:{_INTERNAL},EXTERNAL://0.0.0.0:{_EXTERNAL}"
    if controls:
        listeners += f",CONTROLLER://0.0.0.0:{_CONTROLLER}"
    return (
        ("KAFKA_NODE_ID", str(number)),
        ("KAFKA_PROCESS_ROLES", "broker,controller" if controls else "broker"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", voters),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_LISTENERS", listeners),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        ("SKP_CLUSTER_ID", cluster_id),
    )


def _properties(cluster: Cluster) -> tuple[SecretFile, ...]:
    """Return the user's own KAFKA_* variables as properties: a file, since they may be secrets."""
    given = cluster.settings.others("KAFKA_")
    lines = [
        f"{_property(key)}={value.replace(chr(92), chr(92) * 2)}\n"
        for key, value in sorted(given.items())
        if key not in _JAVA
    ]
    return (SecretFile("properties", Secret("".join(lines))),) if lines else ()


def _property(key: str) -> str:
    """Return a variable's name as a property's: _ is a dot, __ a _, ___ a dash."""
    name = key.removeprefix("KAFKA_").replace("___", "-").replace("__", "\0")
    return name.replace("_", ".").replace("\0", "_").lower()


def _addresses(cluster: Cluster, hosts: tuple[Host, ...]) -> dict[str, str]:
    """Return what clients outside are told to reach each broker by.

    Raises:
        ConfigError: KAFKA_PUBLIC_ADDRESS is not of its form.
    """
    given = cluster.settings.text("KAFKA_PUBLIC_ADDRESS")
    addresses = {host.name: host.ipv4 for host in hosts}
    if given and "=" not in given and len(hosts) == 1:
        return {hosts[0].name: given}
    for entry in filter(None, given.split(",")):
        node, _, address = entry.strip().partition("=")
        if node not in addresses or not address or set(address) & set("/: "):
            place = cluster.settings.place("KAFKA_PUBLIC_ADDRESS")
            raise ConfigError(
                f"{place}: KAFKA_PUBLIC_ADDRESS: found {entry.strip()!r}"
                f"{nearest(node, addresses)}; allowed: NODE=ADDRESS,... with an address or name "
                "for each broker, since clients talk to each of them",
                f"Nodes with the label kafka: {', '.join(addresses)}",
            )
        addresses[node] = address
    return addresses


SERVICE = Kafka()
