"""Airflow: its API server with the UI, scheduler, DAG processor and triggerer in one container.

Its store is in our MySQL, or in the one that `AIRFLOW__CORE__SQL_ALCHEMY_CONN` names. Two things
are made once before it can run: the store's database and user (in our MySQL), and its tables.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import replace

from cluster.config.earlier.names import Earlier
from cluster.config.inventory import Host
from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.model.admission import identity
from cluster.model.cluster import Cluster
from cluster.model.database import Database
from cluster.model.layout import Folder, Layout, Move
from cluster.model.networks import Purpose, beside, network
from cluster.model.page import Asks, Page
from cluster.model.service import Service
from cluster.model.setup import SetupCommand, SetupJob, SetupStep
from cluster.model.spec import Container, Image, Mount, Port, Probe, SecretFile
from cluster.model.state import State
from services.airflow import store as airflow_store
from services.common import (
    DISK,
    NAMES,
    check_memory,
    cpus,
    data_mounts,
    leaves,
    memory,
    moved,
    shared_memory,
    user,
)
from services.images import data_science_of
from services.mysql import SERVICE as MYSQL
from services.mysql import create_command
from services.spark.properties import client, log_folders

_PORT = 8040  # inside the container
_LEAST_MEMORY = 1 << 30  # bytes; its four programs have 0.8 GB between them when idle
_OWN = "/var/lib/airflow"  # inside the container: logs, and the mark
_PROGRAM = "/opt/skp/bin/airflow-skp"
_SECONDS = 600  # deadline: making or upgrading the tables
# Names of the setup steps; in the order of operations each stands for a service of its own.
_DATABASE, _TABLES = "airflow-database", "airflow-store"


class Airflow(Service):
    """The service airflow: one container with all programs of Airflow."""

    name = "airflow"
    title = "Airflow"
    shell = ("bash",)
    settings = (
        Setting("AIRFLOW_NAME", "name", "airflow-skp", "container name"),
        Setting("AIRFLOW_PORT", "port", "8040", "port of its UI and API"),
        Setting("AIRFLOW_VOLUME", "path", "$SKP_HOME/volume", "what it sees at /root/volume"),
        *airflow_store.SETTINGS,
        Setting("AIRFLOW_WEB_USER", "user", "admin", "the administrator's name"),
        Setting("AIRFLOW_WEB_PASSWORD", "lasting-password", "", "and password; generated"),
        Setting("AIRFLOW_FERNET_KEY", "lasting-password", "", "encrypts connections in the store"),
        Setting("AIRFLOW_JWT_SECRET", "password", "", "signs its tokens; generated"),
        Setting("AIRFLOW_SECRET_KEY", "password", "", "signs the UI's cookies; generated"),
        Setting("AIRFLOW_IMAGE", "image", "skp/docker-ds", "image"),
        Setting("AIRFLOW_TAG", "tag", "latest", "image tag"),
        Setting("AIRFLOW_GPU_IMAGE", "image", "skp/docker-ds-gpu", "image for GPUs"),
        Setting("AIRFLOW_GPU_TAG", "tag", "latest", "tag of the image for GPUs"),
        Setting("AIRFLOW_GPU", "flag", "FALSE", "whether to use GPUs: all of the node's"),
        Setting("AIRFLOW_MEMORY", "memory", "", "memory limit; at least 1g"),
        Setting("AIRFLOW_SHM", "shared-memory", "", 'size of /dev/shm; "" for half of its memory'),
        Setting("AIRFLOW_CPUS", "cpus", "", "CPU limit"),
    )
    earlier = Earlier(
        containers={"airflow": "AIRFLOW_NAME"},
        ports={"8080": "AIRFLOW_PORT"},
        environment={
            "AIRFLOW_HOME": "",
            "AIRFLOW_DB": "AIRFLOW_DB",
            "AIRFLOW_DB_USER": "AIRFLOW_DB_USER",
            "AIRFLOW_DB_PASSWORD": "AIRFLOW_DB_PASSWORD",
            "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
        },
        image="AIRFLOW",
        gpu="AIRFLOW_GPU",
    )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the first node with its label; without one the master, if there is a store."""
        labelled = super().hosts(cluster)[:1]
        if labelled or not (MYSQL.hosts(cluster) or airflow_store.elsewhere(cluster)):
            return labelled
        return (cluster.inventory.master,)

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the data-science image, with CUDA's libraries if AIRFLOW_GPU is TRUE."""
        return (data_science_of(cluster.settings, "AIRFLOW"),)

    def database(self, cluster: Cluster) -> Database:
        """Return the store's database, even while the store is in another MySQL."""
        return airflow_store.database(cluster)

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return the mark, a file that says which store was made, and by which image."""
        return (airflow_store.mark(cluster),)

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:
        """Return the folders of logs and of its mark, and those of the users' DAGs and plugins."""
        own = airflow_store.folder(cluster)
        return (
            Folder(own, cluster.users, 0o2771),
            *leaves(cluster, "AIRFLOW_VOLUME", self.name, "dags", "plugins"),
            *log_folders(cluster),
        )

    def moves(self, cluster: Cluster) -> tuple[Move, ...]:
        """Return where its logs and its mark were."""
        return moved(cluster, "airflow/logs", "airflow/store", volume="AIRFLOW_VOLUME")

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return its UI, which has accounts of its own."""
        if not self.hosts(cluster):
            return ()
        name, port = cluster.settings.text("AIRFLOW_NAME"), cluster.settings.number("AIRFLOW_PORT")
        return (Page("airflow", "Airflow", name, _PORT, port, Asks.OWN),)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield one container that runs all its programs."""
        check_memory(cluster, "AIRFLOW_MEMORY", _LEAST_MEMORY)
        settings, (image,) = cluster.settings, self.images(cluster)
        name = settings.text("AIRFLOW_NAME")
        spark = client(cluster, name)
        for host in self.hosts(cluster):
            yield Container(
                node=host.name,
                name=name,
                service=self.name,
                image=image,
                command=(_PROGRAM,),
                environment=(
                    ("AIRFLOW_WEB_USER", settings.text("AIRFLOW_WEB_USER")),
                    *_own_variables(cluster),
                    *spark.environment,
                ),
                mounts=(
                    *data_mounts(cluster, "AIRFLOW_VOLUME"),
                    *_own_folders(cluster),
                    *spark.mounts,
                ),
                ports=(Port(settings.number("AIRFLOW_PORT"), _PORT),),
                files=(*_files(cluster), *spark.files),
                network=network(cluster, Purpose.USERS),
                also_on=_databases(cluster),
                user=user(cluster, facts, host.name),
                memory=memory(cluster, "AIRFLOW_MEMORY"),
                shm=shared_memory(cluster, "AIRFLOW_SHM", "AIRFLOW_MEMORY"),
                cpus=cpus(cluster, "AIRFLOW_CPUS"),
                gpus=-1 if settings.flag("AIRFLOW_GPU") else 0,
                read_only=True,
                scratch=NAMES,
                disk=DISK,
                probe=Probe(("/opt/skp/bin/airflow-health",), timeout=8, start_period=150),
                stop_timeout=60,
                after=("registry", MYSQL.name, _TABLES),
            )

    def setup_steps(self, cluster: Cluster, facts: State) -> Iterator[SetupStep]:
        """Yield the store's database with its user, if it is in our MySQL, and the store's tables.

        Nothing is yielded when the mark says that this image has made this store.
        """
        for container in self.containers(cluster, facts):
            store, _, digest = self._wanted_mark(cluster, facts).partition(" ")
            made, _, by = self._mark(cluster, facts).strip().partition(" ")
            # An image may have no digest on record, and a rollback can't downgrade tables: in both
            # cases the tables that are there have to do.
            if made == store and (digest in ("", by) or self._pinned(cluster, facts)):
                return
            why = "" if made == store else f"its store {store} was not made yet"
            if why and not airflow_store.elsewhere(cluster):
                yield from self._database(cluster, facts, why)
            tables = self.tables(cluster, facts, container)
            yield replace(tables, reason=why, hint=_HINTS["tables"] if why else "")

    def tables(self, cluster: Cluster, facts: State, container: Container) -> SetupJob:
        """Return the step that makes or upgrades the store's tables, beside `container`."""
        job = replace(
            container, name=f"{container.name}-init", service=_TABLES, ports=(), probe=None,
            command=(_PROGRAM, "db-init"), restart="no", after=("registry", MYSQL.name, _DATABASE),
            environment=(*container.environment, ("SKP_STORE", self._wanted_mark(cluster, facts))),
        )  # fmt: skip
        return SetupJob(job, _SECONDS)

    def _database(self, cluster: Cluster, facts: State, why: str) -> Iterator[SetupStep]:
        for mysql in MYSQL.containers(cluster, facts):
            there = replace(mysql, service=_DATABASE, after=(MYSQL.name,), sole=False)
            yield SetupCommand(there, _SECONDS, why, _HINTS["database"], create_command(self))

    def _mark(self, cluster: Cluster, facts: State) -> str:
        """Return the content of the mark on Airflow's node; "" when there is none."""
        (host,) = self.hosts(cluster)
        marks = facts.nodes[host.name].marker_files if host.name in facts.nodes else {}
        return marks.get(airflow_store.mark(cluster), "")

    def _wanted_mark(self, cluster: Cluster, facts: State) -> str:
        """Return what the mark contains once this image has made or upgraded the store."""
        return f"{airflow_store.place(cluster)} {self.digest(cluster, facts)}".strip()

    def digest(self, cluster: Cluster, facts: State) -> str:
        """Return the digest of the image that is to run: a rollback's, else that of record.

        It is "" when none is recorded.
        """
        (image,) = self.images(cluster)
        return self._pinned(cluster, facts) or identity(cluster.inventory, facts, image)

    def _pinned(self, cluster: Cluster, facts: State) -> str:
        (image,) = self.images(cluster)
        pins = facts.swarm.decisions.pinned if facts.swarm else {}
        return pins.get(self.name, {}).get(image.reference, "")


_HINTS = {
    "database": "./skp.py docker.mysql-airflow-init, then ./skp.py docker.airflow-db-init",
    "tables": "./skp.py docker.airflow-db-init",
}


def _databases(cluster: Cluster) -> tuple[str, ...]:
    """Return the network of our MySQL if its store is there: DAGs are code of users."""
    return () if airflow_store.elsewhere(cluster) else beside(cluster, Purpose.DATABASES)


def _own_folders(cluster: Cluster) -> tuple[Mount, ...]:
    """Return the folder of logs and of the mark; before there were two trees, of DAGs as well."""
    if cluster.layout is Layout.TWO_TREES:
        return (Mount(airflow_store.folder(cluster), _OWN),)
    folder = f"{cluster.settings.text('AIRFLOW_VOLUME')}/var/airflow"
    return (Mount(folder, "/root/volume/var/airflow", create=True),)


def _own_variables(cluster: Cluster) -> tuple[tuple[str, str], ...]:
    return (("AIRFLOW_OWN", _OWN),) if cluster.layout is Layout.TWO_TREES else ()


def _files(cluster: Cluster) -> tuple[SecretFile, ...]:
    secrets = cluster.secrets
    files = (
        SecretFile("store-url", airflow_store.url(cluster)),
        SecretFile("fernet-key", _fernet(secrets["AIRFLOW_FERNET_KEY"])),
        SecretFile("jwt-secret", secrets["AIRFLOW_JWT_SECRET"]),
        SecretFile("secret-key", secrets["AIRFLOW_SECRET_KEY"]),
        SecretFile("web-password", secrets["AIRFLOW_WEB_PASSWORD"]),
    )
    own = "".join(f"{k}={v}\n" for k, v in sorted(cluster.settings.others("AIRFLOW__").items()))
    return (*files, SecretFile("environment", Secret(own))) if own else files


def _fernet(given: Secret) -> Secret:
    """Return a key of Fernet's form (32 bytes as URL-safe base64): `given`, or derived from it."""
    text = given.reveal()
    try:
        if len(base64.urlsafe_b64decode(text)) == 32:
            return given
    except (binascii.Error, ValueError):
        pass
    return Secret(base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode())


SERVICE = Airflow()
