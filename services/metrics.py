"""The metrics of nodes: a node exporter on each of them, which Prometheus alone reaches."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.layout import Folder
from cluster.model.networks import MONITORING, Purpose, network
from cluster.model.service import Service
from cluster.model.spec import Container, Image, Mount, Probe
from cluster.model.state import State
from services.common import memory
from services.prometheus.configuration import EXPORTER_PORT, NODE_MOUNTS, exporter
from services.prometheus.service import SERVICE as PROMETHEUS
from services.prometheus.service import image, unlabelled

# Empty folders, one on each disk: what is asked of them is how full the disk is. The node's own
# root, which has all disks, would show a container far more than that.
_SYSTEM = "/var/lib/skp/metrics"
_COLLECTORS = (
    "cpu", "diskstats", "filesystem", "loadavg", "meminfo", "stat", "time", "uname", "vmstat",
)  # fmt: skip
# What a container sees of its own beside its root, and file systems that are in memory.
_OWN_PLACES = "^/(dev|etc|proc|run|sys|tmp)($|/)"
_IN_MEMORY = "^(cgroup2?|devpts|mqueue|proc|sysfs|tmpfs)$"


class Metrics(Service):
    """The service metrics: an exporter on every node, where a node has the label `monitoring`."""

    name = "metrics"
    title = "the metrics of every node"
    labels = (MONITORING,)
    settings = (
        Setting("METRICS_NAME", "name", "metrics-skp", "container name, before its node's"),
        Setting("METRICS_MEMORY", "memory", "64m", "memory limit"),
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return all hosts, if any of them is to have Prometheus."""
        return cluster.inventory.hosts if PROMETHEUS.hosts(cluster) else ()

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error: no node has the label."""
        return unlabelled(cluster)

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return Prometheus's image, which has the exporter too."""
        return (image(cluster),)

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:
        """Return the empty folder on the shared disk."""
        return (Folder(_shared(cluster), "0:0", 0o755),) if self.hosts(cluster) else ()

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:  # noqa: ARG002
        """Yield an exporter for each node; nobody's, with nothing of the node but how it is."""
        for host in self.hosts(cluster):
            yield Container(
                node=host.name,
                name=exporter(cluster, host),
                service=self.name,
                image=image(cluster),
                command=(
                    "prometheus-node-exporter",
                    f"--web.listen-address=:{EXPORTER_PORT}",
                    "--collector.disable-defaults",
                    *(f"--collector.{name}" for name in _COLLECTORS),
                    f"--collector.filesystem.mount-points-exclude={_OWN_PLACES}",
                    f"--collector.filesystem.fs-types-exclude={_IN_MEMORY}",
                ),
                mounts=(
                    Mount(
                        _SYSTEM, f"{NODE_MOUNTS}/system", read_only=True, create=True, owner="0:0"
                    ),
                    Mount(_shared(cluster), f"{NODE_MOUNTS}/shared", read_only=True),
                ),
                network=network(cluster, Purpose.METRICS),
                memory=memory(cluster, "METRICS_MEMORY"),
                read_only=True,
                probe=Probe(("http-health", str(EXPORTER_PORT), "/"), timeout=5),
                after=("registry",),
            )


def _shared(cluster: Cluster) -> str:
    return f"{cluster.home}/var/metrics"


SERVICE = Metrics()
