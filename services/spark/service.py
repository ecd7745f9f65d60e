"""Spark: a standalone cluster of a master, workers, and a server for what has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cluster.config.earlier.names import Earlier
from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.layout import Folder, Layout, Move
from cluster.model.networks import Purpose, network
from cluster.model.ordinals import ordinals
from cluster.model.page import Asks, Page
from cluster.model.service import Service
from cluster.model.spec import Container, Image, Port, Probe
from cluster.model.state import State
from services.common import (
    DISK,
    NAMES,
    SPARK_USER,
    cpus,
    data_mounts,
    memory,
    moved,
    own_user,
    shared_memory,
    user,
)
from services.images import data_science_of
from services.spark.properties import (
    HISTORY,
    MASTER,
    UI,
    WORKER,
    SparkConfig,
    check,
    history,
    log_folders,
    master,
    remembered,
    worker,
)

_DAEMON = "512m"  # heap of the master, a worker, the history server; executors have their own


class Spark(Service):
    """The service spark: a master, a history server, and numbered workers."""

    name = "spark"
    title = "Spark"
    labels = (MASTER, WORKER)
    shell = ("bash",)
    numbered = True
    settings = (
        Setting("SPARK_MNAME", "name", "spark-skp-master", "the master's container name"),
        Setting("SPARK_WNAME", "name", "spark-skp-worker", "the workers', before their numbers"),
        Setting("SPARK_HNAME", "name", "spark-skp-history", "the history server's"),
        Setting("SPARK_MPORT", "port", "8030", "port of the master's page"),
        Setting("SPARK_HPORT", "port", "18080", "port of the history server's page"),
        Setting("SPARK_VOLUME", "path", "$SKP_HOME/volume", "what it sees at /root/volume"),
        Setting(
            "SPARK_SPILL",
            "optional-path",
            "",
            "what does not fit into memory, on each node's own disk; \"\" for the engine's",
        ),
        Setting("SPARK_URL", "spark-url", "spark://$SPARK_MNAME:7077", "the master's URL"),
        Setting("SPARK_SECRET", "password", "", "shared by all parts and drivers; generated"),
        Setting("SPARK_ENCRYPTED", "flag", "TRUE", "encrypt what its parts say to each other"),
        Setting("SPARK_IMAGE", "image", "skp/docker-ds", "image"),
        Setting("SPARK_TAG", "tag", "latest", "image tag"),
        Setting("SPARK_GPU_IMAGE", "image", "skp/docker-ds-gpu", "image for GPUs"),
        Setting("SPARK_GPU_TAG", "tag", "latest", "tag of the image for GPUs"),
        Setting("SPARK_GPU", "flag", "FALSE", "whether workers use GPUs: all of the node's"),
        Setting("SPARK_MEMORY", "memory", "", "a worker's memory limit; executors get 3/4 of it"),
        Setting("SPARK_SHM", "shared-memory", "", "a worker's /dev/shm; '' for half of its memory"),
        Setting("SPARK_CPUS", "cpus", "", "a worker's CPU limit"),
        Setting("SPARK_EXECUTOR_MEMORY", "memory", "1g", "an executor's heap; at least 512m"),
        Setting("SPARK_CORES_MAX", "count", "4", "cores that an application gets, in all"),
        Setting("SPARK_KEEP_DAYS", "count", "30", "days that logs of applications are kept"),
    )
    earlier = Earlier(
        containers={MASTER: "SPARK_MNAME", WORKER: "SPARK_WNAME"},
        ports={"8080": "SPARK_MPORT"},
        environment={"SPARK_URL": "SPARK_URL"},
        image="SPARK",
        gpu="SPARK_GPU",
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the hosts with one of its labels."""
        return tuple(h for h in cluster.inventory.hosts if any(h.has(one) for one in self.labels))

    def numbered_hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the workers' hosts: the master has no number."""
        return cluster.inventory.labelled(WORKER)

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error, which names both labels."""
        return ConfigError(
            f"no chosen node has the label {MASTER} or {WORKER}",
            f'Add {{"{MASTER}": "enable"}} to one node in {cluster.inventory.path}, and '
            f'{{"{WORKER}": "enable"}} to those that are to work.',
        )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the notebooks' image, so that executors and their drivers have the same Python."""
        return (data_science_of(cluster.settings, "SPARK"),)

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:
        """Return the folders of what the master remembers, and of what drivers and workers log."""
        return (
            Folder(f"{cluster.platform}/spark", "0:0", 0o711),
            Folder(remembered(cluster), _daemon(cluster), 0o750),
            *log_folders(cluster),
        )

    def moves(self, cluster: Cluster) -> tuple[Move, ...]:
        """Return where the master remembered workers and applications."""
        return moved(cluster, "spark/recovery", volume="SPARK_VOLUME")

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return the pages of the master and the history server, which ask nobody anything."""
        if not cluster.inventory.labelled(MASTER):
            return ()
        text, number = cluster.settings.text, cluster.settings.number
        name, past = text("SPARK_MNAME"), text("SPARK_HNAME")
        return (
            Page("spark", "Spark", name, UI, number("SPARK_MPORT"), Asks.ACCOUNT),
            Page("history", "Spark history", past, HISTORY, number("SPARK_HPORT"), Asks.ACCOUNT),
        )

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield the master and the history server, and a worker for each node with its label."""
        if not self.hosts(cluster):
            return
        check(cluster)
        text, number = cluster.settings.text, cluster.settings.number
        (host,) = cluster.inventory.labelled(MASTER)
        yield replace(
            self._part(cluster, facts, host, "master", master(cluster)),
            name=text("SPARK_MNAME"),
            ports=(Port(number("SPARK_MPORT"), UI),),
            sole=True,  # what it remembers is on the platform's folder
        )
        yield replace(
            self._part(cluster, facts, host, "history", history(cluster)),
            name=text("SPARK_HNAME"),
            ports=(Port(number("SPARK_HPORT"), HISTORY),),
        )
        own = ordinals(self, cluster, facts)
        for at in cluster.inventory.labelled(WORKER):
            name = f"{text('SPARK_WNAME')}-{own[at.name]}"
            part = self._part(cluster, facts, at, "worker", worker(cluster, name))
            yield replace(
                part,
                name=name,
                aliases=(text("SPARK_WNAME"),),
                mounts=(*data_mounts(cluster, "SPARK_VOLUME"), *part.mounts),
                user=user(cluster, facts, at.name),
                memory=memory(cluster, "SPARK_MEMORY"),
                shm=shared_memory(cluster, "SPARK_SHM", "SPARK_MEMORY"),
                cpus=cpus(cluster, "SPARK_CPUS"),
                gpus=-1 if cluster.settings.flag("SPARK_GPU") else 0,
                start_phase=1,
                rolling_order=own[at.name],
            )

    def _part(
        self, cluster: Cluster, facts: State, host: Host, part: str, config: SparkConfig
    ) -> Container:
        """Return a container with all that master, history server and workers have in common."""
        (image,) = self.images(cluster)
        return Container(
            node=host.name,
            name=part,
            service=self.name,
            image=image,
            command=("spark-skp", part),
            environment=(
                ("SPARK_URL", cluster.settings.text("SPARK_URL")),
                ("SPARK_DAEMON_MEMORY", _DAEMON),
                *config.environment,
            ),
            mounts=config.mounts,
            files=config.files,
            network=network(cluster, Purpose.USERS),
            user=_own(cluster, facts, host),
            read_only=True,
            scratch=NAMES,
            disk=DISK,
            probe=Probe(("spark-health", part), timeout=6),
            stop_timeout=20,
            after=("registry",),
        )


def _own(cluster: Cluster, facts: State, host: Host) -> str:
    """Return whom the master and the history server run as, or `UNKNOWN_USER`."""
    before = own_user(cluster, facts, host.name, SPARK_USER)
    return _daemon(cluster) if cluster.layout is Layout.TWO_TREES else before


def _daemon(cluster: Cluster) -> str:
    """Return "UID:GID": the platform's user id in the users' group, whose logs it reads."""
    uid, gid = cluster.own_user(SPARK_USER), cluster.users
    return f"{uid.partition(':')[0]}:{gid.partition(':')[2]}"


SERVICE = Spark()
