"""Jupyter: JupyterLab behind a password and a kernel gateway behind a token, in one container."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.earlier.names import Earlier, Outdated
from cluster.config.settings import Setting
from cluster.model.cluster import Cluster
from cluster.model.layout import Folder
from cluster.model.networks import Purpose, network
from cluster.model.page import Asks, Page
from cluster.model.service import Service
from cluster.model.spec import Container, Image, Port, Probe, SecretFile
from cluster.model.state import State
from cluster.model.trees import users_folder
from services.common import (
    DISK,
    NAMES,
    cpus,
    data_mounts,
    memory,
    name_on,
    on_each,
    shared_memory,
    user,
)
from services.doors import aliases, alone, doors
from services.images import data_science_of
from services.spark.properties import client, log_folders

_LAB_PORT, _GATEWAY_PORT = 8010, 8020  # inside the container
_ENVIRONMENT = ("JUPYTER_BASEURL", "JUPYTER_PACKAGES_TIMEOUT")


class Jupyter(Service):
    """The service jupyter: one container on each labelled node."""

    name = "jupyter"
    title = "JupyterLab and kernel gateway"
    shell = ("bash",)
    settings = (
        Setting("JUPYTER_NAME", "name", "jupyter-skp", "container name"),
        Setting("JUPYTER_PORT", "port", "8010", "JupyterLab's port"),
        Setting("JUPYTER_VOLUME", "path", "$SKP_HOME/volume", "what it sees at /root/volume"),
        Setting("JUPYTER_PASSWORD", "password", "", "JupyterLab's password"),
        Setting("JUPYTER_BASEURL", "urlpath", "jupyter-skp", "path of JupyterLab's URL"),
        Setting("JUPYTER_RESTAPIPORT", "port", "8020", "the kernel gateway's port"),
        Setting("JUPYTER_GATEWAY_TOKEN", "token", "", "the kernel gateway's token"),
        Setting("JUPYTER_IMAGE", "image", "skp/docker-ds", "image"),
        Setting("JUPYTER_TAG", "tag", "latest", "image tag"),
        Setting("JUPYTER_GPU_IMAGE", "image", "skp/docker-ds-gpu", "image for GPUs"),
        Setting("JUPYTER_GPU_TAG", "tag", "latest", "tag of the image for GPUs"),
        Setting("JUPYTER_GPU", "flag", "FALSE", "whether to use GPUs: all of the node's"),
        Setting(
            "JUPYTER_PACKAGES_TIMEOUT",
            "seconds",
            "900",
            "deadline: installing volume/etc/jupyter/requirements.txt",
        ),
        Setting("JUPYTER_MEMORY", "memory", "", "memory limit"),
        Setting("JUPYTER_SHM", "shared-memory", "", 'size of /dev/shm; "" for half of its memory'),
        Setting("JUPYTER_CPUS", "cpus", "", "CPU limit"),
    )
    earlier = Earlier(
        outdated={
            "JUPYTER_DOCKER": Outdated(
                "notebooks see GPUs by another setting", "JUPYTER_GPU", nothing="docker"
            )
        },
        containers={"jupyter": "JUPYTER_NAME"},
        ports={"8888": "JUPYTER_PORT", "8088": "JUPYTER_RESTAPIPORT"},
        environment={
            "JUPYTER_PASSWORD": "JUPYTER_PASSWORD",
            "JUPYTER_BASEURL": "JUPYTER_BASEURL",
        },
        image="JUPYTER",
        gpu="JUPYTER_GPU",
    )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the data-science image, with CUDA's libraries if JUPYTER_GPU is TRUE."""
        return (data_science_of(cluster.settings, "JUPYTER"),)

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:
        """Return the users' folder that notebooks see, and those of their drivers' logs."""
        own = users_folder(cluster, cluster.settings.text("JUPYTER_VOLUME"))
        return (own, *log_folders(cluster))

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return each node's JupyterLab and kernel gateway, which have passwords of their own."""
        settings = cluster.settings
        found: list[Page] = []
        base = f"/{settings.text('JUPYTER_BASEURL').strip('/')}/".replace("//", "/")
        hosts = self.hosts(cluster)
        for index, host in enumerate(hosts):
            there = alone(hosts, index, settings.text("JUPYTER_NAME"))
            lab, kernels = on_each("jupyter", index, host), on_each("kernels", index, host)
            port, other = settings.number("JUPYTER_PORT"), settings.number("JUPYTER_RESTAPIPORT")
            found += [
                Page(lab, "JupyterLab", there, _LAB_PORT, port, Asks.OWN, base, index),
                Page(kernels, "Kernel gateway", there, _GATEWAY_PORT, other, Asks.OWN, "/", index),
            ]
        return tuple(found)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield a container for each node; the first has the plain name, an alias of them all."""
        settings = cluster.settings
        (image,) = self.images(cluster)
        alias, hosts = settings.text("JUPYTER_NAME"), self.hosts(cluster)
        for index, host in enumerate(hosts):
            name = name_on(host, index, alias)
            spark = client(cluster, name)
            yield Container(
                node=host.name,
                name=name,
                service=self.name,
                image=image,
                environment=(
                    *((key, settings.text(key)) for key in _ENVIRONMENT),
                    *spark.environment,
                ),
                mounts=(*data_mounts(cluster, "JUPYTER_VOLUME"), *spark.mounts),
                ports=(
                    Port(settings.number("JUPYTER_PORT"), _LAB_PORT),
                    Port(settings.number("JUPYTER_RESTAPIPORT"), _GATEWAY_PORT),
                ),
                files=(
                    SecretFile("password", cluster.secrets["JUPYTER_PASSWORD"]),
                    SecretFile("gateway-token", cluster.secrets["JUPYTER_GATEWAY_TOKEN"]),
                    *spark.files,
                ),
                network=network(cluster, Purpose.USERS),
                aliases=aliases(hosts, index, alias) if doors(cluster) else (alias,),
                user=user(cluster, facts, host.name),
                memory=memory(cluster, "JUPYTER_MEMORY"),
                shm=shared_memory(cluster, "JUPYTER_SHM", "JUPYTER_MEMORY"),
                cpus=cpus(cluster, "JUPYTER_CPUS"),
                gpus=-1 if settings.flag("JUPYTER_GPU") else 0,
                read_only=True,
                scratch=NAMES,
                disk=DISK,
                probe=Probe(("/opt/skp/bin/jupyter-health",)),
                busy=("/opt/skp/bin/jupyter-busy",),
                stop_timeout=20,
                after=("registry",),
            )


SERVICE = Jupyter()
