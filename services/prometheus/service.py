"""Prometheus, which asks all nodes for metrics, and Alertmanager, which passes its alerts on."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.networks import MONITORING, Purpose, network
from cluster.model.page import Asks, Page
from cluster.model.service import Service
from cluster.model.spec import (
    SECRETS_TARGET,
    Container,
    Image,
    Port,
    Probe,
    SecretFile,
    mark_file,
)
from cluster.model.state import State
from services.common import (
    ALERTMANAGER_USER,
    PROMETHEUS_USER,
    SCRATCH,
    check_memory,
    cpus,
    kept,
    local,
    memory,
    own_user,
)
from services.images import own_image
from services.prometheus.configuration import (
    EXPORTER_PORT,
    WEBHOOK,
    Target,
    alertmanager,
    exporter,
    prometheus,
    rules,
    targets,
)

_PORT, _ALERTS_PORT = 9090, 9093  # inside the containers
_DATA, _ALERTS_DATA = "/var/lib/prometheus", "/var/lib/alertmanager"
_LEAST_MEMORY = 256 << 20  # bytes; it has 75 MB when it begins, and more with each node
_GRAPH = "/classic/graph"  # the page of Debian's; that of "/" is a text


class Prometheus(Service):
    """The service prometheus: two containers on the first node with the label `monitoring`."""

    name = "prometheus"
    title = "Prometheus and Alertmanager"
    labels = (MONITORING,)
    recipe = "docker-prometheus"
    shell = ("bash",)
    settings = (
        Setting("PROMETHEUS_NAME", "name", "prometheus-skp", "container name"),
        Setting("PROMETHEUS_PORT", "port", "8090", "port of its page"),
        Setting("PROMETHEUS_VOLUME", "path", "/var/prometheus", "data, on its node's own disk"),
        Setting("PROMETHEUS_RETENTION", "duration", "15d", "how long metrics are kept"),
        Setting("PROMETHEUS_IMAGE", "image", "skp/docker-prometheus", "image of all monitoring"),
        Setting("PROMETHEUS_TAG", "tag", "latest", "image tag"),
        Setting("PROMETHEUS_MEMORY", "memory", "1g", "memory limit; at least 256m"),
        Setting("PROMETHEUS_CPUS", "cpus", "", "CPU limit"),
        Setting("ALERTMANAGER_NAME", "name", "alertmanager-skp", "Alertmanager's container name"),
        Setting("ALERTMANAGER_VOLUME", "path", "/var/alertmanager", "its data, on its node's disk"),
        Setting("ALERTMANAGER_MEMORY", "memory", "128m", "its memory limit"),
        Setting("ALERT_WEBHOOK", "secret-url", "", 'URL that alerts are sent to; "": nowhere'),
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the first node with its label."""
        return cluster.inventory.labelled(MONITORING)[:1]

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error: no node has the label."""
        return unlabelled(cluster)

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the one image of all that monitors."""
        return (image(cluster),)

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return what its node remembers of the targets that it was given."""
        if not self.hosts(cluster):
            return ()
        return (mark_file(cluster.settings.text("PROMETHEUS_NAME")),)

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return Prometheus's page, which asks nobody anything."""
        if not self.hosts(cluster):
            return ()
        name = cluster.settings.text("PROMETHEUS_NAME")
        port = cluster.settings.number("PROMETHEUS_PORT")
        return (Page(self.name, "Prometheus", name, _PORT, port, Asks.ACCOUNT, _GRAPH),)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield Prometheus and Alertmanager, whose data lies on the node's own disk."""
        check_memory(cluster, "PROMETHEUS_MEMORY", _LEAST_MEMORY)
        for host in self.hosts(cluster):
            yield self._prometheus(cluster, facts, host)
            yield self._alertmanager(cluster, facts, host)

    def _prometheus(self, cluster: Cluster, facts: State, host: Host) -> Container:
        settings = cluster.settings
        alerts = f"{settings.text('ALERTMANAGER_NAME')}:{_ALERTS_PORT}"
        return Container(
            node=host.name,
            name=settings.text("PROMETHEUS_NAME"),
            service=self.name,
            image=image(cluster),
            command=(
                "prometheus",
                f"--config.file={SECRETS_TARGET}/prometheus.yml",
                f"--storage.tsdb.path={_DATA}",
                f"--storage.tsdb.retention.time={settings.text('PROMETHEUS_RETENTION')}",
                f"--web.listen-address=:{_PORT}",
                "--enable-feature=auto-gomemlimit",
            ),
            mounts=(kept(cluster, local(cluster, "PROMETHEUS_VOLUME"), _DATA, PROMETHEUS_USER),),
            ports=(Port(settings.number("PROMETHEUS_PORT"), _PORT),),
            files=(prometheus(alerts), rules()),
            live=(targets(_targets(cluster, host)),),
            network=network(cluster, Purpose.METRICS),
            user=own_user(cluster, facts, host.name, PROMETHEUS_USER),
            memory=memory(cluster, "PROMETHEUS_MEMORY"),
            cpus=cpus(cluster, "PROMETHEUS_CPUS"),
            read_only=True,
            scratch=SCRATCH,
            probe=Probe(("http-health", str(_PORT), "/-/ready"), timeout=5),
            stop_timeout=60,
            after=("registry",),
        )

    def _alertmanager(self, cluster: Cluster, facts: State, host: Host) -> Container:
        hook = _webhook(cluster)
        data = local(cluster, "ALERTMANAGER_VOLUME")
        return Container(
            node=host.name,
            name=cluster.settings.text("ALERTMANAGER_NAME"),
            service=self.name,
            image=image(cluster),
            command=(
                "prometheus-alertmanager",
                f"--config.file={SECRETS_TARGET}/alertmanager.yml",
                f"--storage.path={_ALERTS_DATA}",
                f"--web.listen-address=:{_ALERTS_PORT}",
                "--cluster.listen-address=",
            ),
            mounts=(kept(cluster, data, _ALERTS_DATA, ALERTMANAGER_USER),),
            files=(alertmanager(sends=bool(hook)), *hook),
            network=network(cluster, Purpose.METRICS),
            user=own_user(cluster, facts, host.name, ALERTMANAGER_USER),
            memory=memory(cluster, "ALERTMANAGER_MEMORY"),
            read_only=True,
            scratch=SCRATCH,
            probe=Probe(("http-health", str(_ALERTS_PORT), "/-/ready"), timeout=5),
            after=("registry",),
        )


def image(cluster: Cluster) -> Image:
    """Return the image of all that monitors."""
    return own_image(SERVICE, cluster.settings, cluster.settings.text("PROMETHEUS_TAG"))


def unlabelled(cluster: Cluster) -> ConfigError:
    """Return the error for a `-run` where no node has the label."""
    return ConfigError(
        f"no node has the label {MONITORING}",
        f'Add {{"{MONITORING}": "enable"}} to a node in {cluster.inventory.path}.',
    )


def _targets(cluster: Cluster, host: Host) -> Iterator[Target]:
    """Yield all that is asked: every node's exporter, and the two servers themselves."""
    text = cluster.settings.text
    yield Target("prometheus", f"{text('PROMETHEUS_NAME')}:{_PORT}", host.name)
    yield Target("alertmanager", f"{text('ALERTMANAGER_NAME')}:{_ALERTS_PORT}", host.name)
    for each in cluster.inventory.hosts:
        yield Target("node", f"{exporter(cluster, each)}:{EXPORTER_PORT}", each.name)


def _webhook(cluster: Cluster) -> tuple[SecretFile, ...]:
    """Return the file with the webhook's URL, which may hold a token; () where there is none."""
    url = cluster.secrets["ALERT_WEBHOOK"]
    return (SecretFile(WEBHOOK, url),) if url.reveal() else ()


SERVICE = Prometheus()
