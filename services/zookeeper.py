"""ZooKeeper: an ensemble of single servers, each with its own name, number and node-local data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cluster.config.earlier.names import Earlier, Outdated
from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.ordinals import ordinals
from cluster.model.service import Service
from cluster.model.spec import Container, Image, Probe
from cluster.model.state import FoundNode, State
from services.common import (
    SCRATCH,
    ZOOKEEPER_USER,
    cpus,
    identity,
    kept,
    local,
    memory,
    own_user,
)
from services.images import own_image

_DATA = "/var/lib/zookeeper"
_CLIENTS = 2181
_LEAST_HEAP = 64 << 20  # bytes; with less, the server does not start


class ZooKeeper(Service):
    """The service zookeeper: servers that are numbered, and replaced one after another."""

    name = "zookeeper"
    title = "ZooKeeper"
    recipe = "docker-zookeeper"
    shell = ("bash",)
    numbered = True
    settings = (
        Setting("ZOOKEEPER_NAME", "name", "zookeeper-skp", "container name, before its number"),
        Setting("ZOOKEEPER_IMAGE", "image", "skp/docker-zookeeper", "image"),
        Setting("ZOOKEEPER_TAG", "tag", "latest", "image tag"),
        Setting("ZOOKEEPER_VOLUME", "path", "/var/zookeeper", "data, on each node's own disk"),
        Setting("ZOOKEEPER_HEAP", "memory", "512m", "Java's heap; at least 64m"),
        Setting("ZOOKEEPER_MEMORY", "memory", "", "memory limit"),
        Setting("ZOOKEEPER_CPUS", "cpus", "", "CPU limit"),
    )
    earlier = Earlier(
        outdated={
            "ZOOKEEPER_PORT": Outdated("ZooKeeper's clients are in the overlay, on port 2181")
        },
        containers={"zookeeper": "ZOOKEEPER_NAME"},
        ports={"2181": "", "2888": "", "3888": ""},
        image="ZOOKEEPER",
        data={"/opt/zookeeper/data": "ZOOKEEPER_VOLUME", "/opt/zookeeper/conf/zoo.cfg": ""},
    )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """One image."""
        return (own_image(self, cluster.settings, cluster.settings.text("ZOOKEEPER_TAG")),)

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return the data's number, and the cluster that it belongs to."""
        volume = cluster.settings.text("ZOOKEEPER_VOLUME")
        return f"{volume}/myid", f"{volume}/cluster"

    def ordinal_on_disk(self, cluster: Cluster, node: FoundNode) -> int:
        """Return the number in the data's `myid`."""
        text = node.marker_files.get(self.marker_files(cluster)[0], "").strip()
        return int(text) if text.isdigit() else 0

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """One server per labelled node; the leader is replaced last."""
        check_heap(cluster, "ZOOKEEPER_HEAP", _LEAST_HEAP)
        self._check_count(cluster, facts)
        own = ordinals(self, cluster, facts)
        for host in self.hosts(cluster):
            yield self._container(cluster, facts, host, own)

    def _container(
        self, cluster: Cluster, facts: State, host: Host, own: Mapping[str, int]
    ) -> Container:
        text, (image,) = cluster.settings.text, self.images(cluster)
        name, number = server_name(cluster, own[host.name]), own[host.name]
        servers = ",".join(f"{n}={server_name(cluster, n)}" for n in sorted(own.values()))
        return Container(
            node=host.name,
            name=name,
            service=self.name,
            image=image,
            environment=(
                ("ZOOKEEPER_ID", str(number)),
                ("ZOOKEEPER_SERVERS", servers),
                ("ZOOKEEPER_CLUSTER", identity(cluster, self.name)),
                ("ZOOKEEPER_HEAP", text("ZOOKEEPER_HEAP")),
            ),
            mounts=(kept(cluster, local(cluster, "ZOOKEEPER_VOLUME"), _DATA, ZOOKEEPER_USER),),
            network=text("SKP_NET"),
            aliases=(text("ZOOKEEPER_NAME"),),
            user=own_user(cluster, facts, host.name, ZOOKEEPER_USER),
            memory=memory(cluster, "ZOOKEEPER_MEMORY"),
            read_only=True,
            scratch=SCRATCH,
            cpus=cpus(cluster, "ZOOKEEPER_CPUS"),
            probe=Probe(("zookeeper-health",), timeout=5),
            stop_timeout=30,
            after=("registry",),
            rolling_order=len(own) + 1 if _leads(facts, host.name, name) else number,
            ready_check=("zookeeper-settled",),
            obstacle=self._wrong_data(cluster, facts, host.name, number),
        )

    def _wrong_data(
        self, cluster: Cluster, facts: State, node: str, number: int
    ) -> tuple[str, ...]:
        """Return what is wrong with the data on `node`, and what to do; () for nothing."""
        if node not in facts.nodes:
            return ()
        volume = cluster.settings.text("ZOOKEEPER_VOLUME")
        way_out = (
            f"Nothing was changed; move what is in {volume} on {node} away, or give its label back."
        )
        claim = self.ordinal_on_disk(cluster, facts.nodes[node])
        if claim not in (0, number):
            return f"{volume} has the data of server {claim}, and this is server {number}", way_out
        owner = facts.nodes[node].marker_files.get(self.marker_files(cluster)[1], "").strip()
        if owner not in ("", identity(cluster, self.name)):
            return f"{volume} has the data of another cluster ({owner})", way_out
        return ()

    def _check_count(self, cluster: Cluster, facts: State) -> None:
        """Refuse an even number for a new ensemble; an existing one may be growing or shrinking."""
        hosts = self.hosts(cluster)
        begun = any(self.ordinal_on_disk(cluster, node) for node in facts.nodes.values())
        if hosts and len(hosts) % 2 == 0 and facts.nodes and not begun:
            raise ConfigError(
                f"{cluster.inventory.path}: {len(hosts)} nodes have the label zookeeper: "
                f"{', '.join(host.name for host in hosts)}",
                f"Give it to {len(hosts) - 1} or {len(hosts) + 1}: an even number can lose no more "
                "servers than one less, and is more likely to lose one.",
            )


def server_name(cluster: Cluster, number: int) -> str:
    """Return the name of the server with `number`, by which the others reach it."""
    return f"{cluster.settings.text('ZOOKEEPER_NAME')}-{number}"


def connection(cluster: Cluster, facts: State) -> str:
    """Return the connection string of the ensemble; "" when no node has the label."""
    own = ordinals(SERVICE, cluster, facts)
    return ",".join(f"{server_name(cluster, n)}:{_CLIENTS}" for n in sorted(own.values()))


def check_heap(cluster: Cluster, key: str, least: int) -> None:
    """Refuse a heap below `least` bytes.

    Raises:
        ConfigError: it is too small.
    """
    if memory(cluster, key) < least:
        raise ConfigError(
            f"{cluster.settings.place(key)}: {key}: {cluster.settings.text(key) or 'nothing'} is "
            f"too little for it to start; allowed: {least >> 20}m or more"
        )


def _leads(facts: State, node: str, name: str) -> bool:
    found = facts.nodes[node].containers.get(name) if node in facts.nodes else None
    return found is not None and found.works and found.probe_output == "leader"


SERVICE = ZooKeeper()
