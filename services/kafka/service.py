"""Kafka: a broker on each labelled node, with ZooKeeper where nodes have its label, else KRaft.

A broker has two ways in: INTERNAL, by names of the overlay, and EXTERNAL, by its node's address.
Both are port 9092 to those who use them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType

from cluster.config.earlier.names import Earlier, Outdated
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, beside
from cluster.model.ordinals import ordinals
from cluster.model.service import Service
from cluster.model.spec import Container, Image, Port, Probe
from cluster.model.state import FoundNode, State
from services.common import (
    KAFKA_USER,
    SCRATCH,
    cpus,
    identity,
    kept,
    local,
    memory,
    own_user,
)
from services.images import own_image
from services.kafka.properties import (
    CONTROLLER,
    EXTERNAL,
    INTERNAL,
    Pairs,
    addresses,
    check_own,
    common,
    files,
    with_kraft,
    with_zookeeper,
)
from services.zookeeper import check_heap, connection

_DATA = "/var/lib/kafka"
_LEAST_HEAP = 256 << 20  # bytes; below, a broker runs out of memory under its first topics
_CONTROLLERS = 3
_VOTERS = re.compile(r"\d+@[A-Za-z0-9_.-]+:\d+(,\d+@[A-Za-z0-9_.-]+:\d+)*\n?\Z")


class Kafka(Service):
    """The service kafka: brokers that are numbered, and replaced one after another."""

    name = "kafka"
    title = "Kafka"
    recipe = "docker-kafka"
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
    earlier = Earlier(
        outdated={
            "KAFKA_ADVERTISED_PORT": Outdated("clients outside have one port", "KAFKA_PORT"),
        },
        containers={"kafka": "KAFKA_NAME"},
        ports={"9092": "", "9094": "KAFKA_PORT"},
        image="KAFKA",
        data={"/kafka": "KAFKA_VOLUME"},
    )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """One image for both modes."""
        return (own_image(self, cluster.settings, cluster.settings.text("KAFKA_TAG")),)

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return the data's meta.properties, and the file with the voters that its brokers keep."""
        volume = cluster.settings.text("KAFKA_VOLUME")
        return f"{volume}/data/meta.properties", f"{volume}/voters"

    def ordinal_on_disk(self, cluster: Cluster, node: FoundNode) -> int:
        """Return the broker's id in the data."""
        found = self._meta_properties(cluster, node)
        text = found.get("node.id") or found.get("broker.id") or ""
        return int(text) if text.isdigit() else 0

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """One broker per labelled node."""
        hosts = self.hosts(cluster)
        if not hosts:
            return
        check_heap(cluster, "KAFKA_HEAP", _LEAST_HEAP)
        check_own(cluster)
        public = addresses(cluster, hosts)
        own = ordinals(self, cluster, facts)
        zookeeper = connection(cluster, facts)
        mode = partial(with_zookeeper, zookeeper) if zookeeper else self._kraft(cluster, facts, own)
        shared = common(cluster, len(hosts))
        (image,) = self.images(cluster)
        text = cluster.settings.text
        for host in hosts:
            number = own[host.name]
            name = f"{text('KAFKA_NAME')}-{number}"
            outside = f"EXTERNAL://{public[host.name]}:{text('KAFKA_PORT')}"
            listeners = f"INTERNAL://{name}:{INTERNAL},{outside}"
            yield Container(
                node=host.name,
                name=name,
                service=self.name,
                image=image,
                environment=(*shared, ("KAFKA_ADVERTISED_LISTENERS", listeners), *mode(number)),
                mounts=(kept(cluster, local(cluster, "KAFKA_VOLUME"), _DATA, KAFKA_USER),),
                ports=(Port(cluster.settings.number("KAFKA_PORT"), EXTERNAL),),
                files=files(cluster),
                network=text("SKP_NET"),
                also_on=beside(cluster, Purpose.USERS),
                aliases=(text("KAFKA_NAME"),),
                user=own_user(cluster, facts, host.name, KAFKA_USER),
                memory=memory(cluster, "KAFKA_MEMORY"),
                read_only=True,
                scratch=SCRATCH,
                cpus=cpus(cluster, "KAFKA_CPUS"),
                probe=Probe(("kafka-health",), timeout=6),
                stop_timeout=120,
                after=("registry", "zookeeper"),
                rolling_order=number,
                ready_check=("kafka-settled",),
                removal_check=("kafka-leaving",),
                obstacle=self._wrong_data(cluster, facts, host.name, number),
            )

    def _kraft(self, cluster: Cluster, facts: State, own: Mapping[str, int]) -> partial[Pairs]:
        """Return what makes the settings of a KRaft broker from its number.

        The voters never change: those that most nodes have on their disks, or for new data the
        nodes with the lowest numbers.
        """
        kept = Counter(
            text.strip()
            for node in facts.nodes.values()
            # (It goes into all brokers' properties: a line more would be a property more.)
            if _VOTERS.match(text := node.marker_files.get(self.marker_files(cluster)[1], ""))
        )
        name = cluster.settings.text("KAFKA_NAME")
        count = _CONTROLLERS if len(own) >= _CONTROLLERS else 1
        first = [f"{n}@{name}-{n}:{CONTROLLER}" for n in sorted(own.values())[:count]]
        voters = kept.most_common(1)[0][0] if kept else ",".join(first)
        return partial(with_kraft, self._identity(cluster, facts), voters)

    def _identity(self, cluster: Cluster, facts: State) -> str:
        """Return the cluster's id: ours, unless all data on the nodes agrees on another."""
        ours = identity(cluster, self.name)
        found = {
            self._meta_properties(cluster, node).get("cluster.id", "")
            for node in facts.nodes.values()
        } - {""}
        return found.pop() if len(found) == 1 else ours

    def _wrong_data(
        self, cluster: Cluster, facts: State, node: str, number: int
    ) -> tuple[str, ...]:
        """Return what is wrong with the data on `node`, and what to do; () for nothing."""
        if node not in facts.nodes or not (
            found := self._meta_properties(cluster, facts.nodes[node])
        ):
            return ()
        volume = cluster.settings.text("KAFKA_VOLUME")
        way_out = (
            f"Nothing was changed; move what is in {volume} on {node} away, or give its label back."
        )
        zookeeper = bool(connection(cluster, facts))
        if zookeeper != (found.get("version") == "0"):
            return _MODES[zookeeper](volume)
        claim = self.ordinal_on_disk(cluster, facts.nodes[node])
        if claim not in (0, number):
            return f"{volume} has the data of broker {claim}, and this is broker {number}", way_out
        if found.get("cluster.id") not in (None, self._expected(cluster, facts)):
            return f"{volume} has the data of another cluster ({found['cluster.id']})", way_out
        return ()

    def _expected(self, cluster: Cluster, facts: State) -> str | None:
        """Return the cluster id that data must have; None for any.

        With KRaft it is ours; with ZooKeeper the one that most nodes have.
        """
        if not connection(cluster, facts):
            return self._identity(cluster, facts)
        found = Counter(
            cluster_id
            for node in facts.nodes.values()
            if (cluster_id := self._meta_properties(cluster, node).get("cluster.id"))
        )
        return found.most_common(1)[0][0] if found else None

    def _meta_properties(self, cluster: Cluster, node: FoundNode) -> dict[str, str]:
        """Return the pairs in the meta.properties that `node` has; {} for new data."""
        text = node.marker_files.get(self.marker_files(cluster)[0], "")
        pairs = [line.partition("=") for line in text.splitlines() if not line.startswith("#")]
        return {key.strip(): value.strip() for key, _, value in pairs}


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


SERVICE = Kafka()
