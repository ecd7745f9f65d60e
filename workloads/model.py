"""A deployment as it is wanted: values, whatever file they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

SSH = 22
"""The port in a container that is published at a port of the node that a person names."""


class VolumeKind(StrEnum):
    """What a volume is."""

    NAS = "nas"
    """A folder of the project on the shared file system, on every node."""
    HOST = "host"
    """A folder of one node."""
    DATA = "data"
    """One of the platform's data volumes, by its name."""


@dataclass(frozen=True)
class Volume:
    """A volume that containers of a deployment may have.

    Attributes:
        size: bytes that it may hold; 0 where that is not watched.
        path: of `HOST`: the folder on the node.
    """

    name: str
    kind: VolumeKind
    size: int = 0
    path: str = ""


class Publish(StrEnum):
    """How a port is published that has no number of its own on the node."""

    AUTO = "auto"
    INSIDE = "inside"
    DOOR = "door"
    """By a host name at the front door, and not at a node."""


@dataclass(frozen=True)
class Way:
    """How a port is at the front door.

    Attributes:
        host: the first label of its host name.
        login: whether the door asks for the account, and lets members of the project in alone.
        upload: bytes that a request may have at most; 0 for any.
        timeout: seconds until an answer begins; 0 for any.
    """

    host: str
    login: bool = True
    upload: int = 0
    timeout: int = 0


@dataclass(frozen=True)
class Port:
    """A port of a container.

    Attributes:
        port: in the container.
        publish: a port of the node, of the first copy; each further copy has the next one. Or how.
        way: of `Publish.DOOR`; None for others.
    """

    port: int
    publish: int | Publish = Publish.AUTO
    protocol: str = "tcp"
    way: Way | None = None

    @property
    def on_node(self) -> bool:
        """Whether it has a port of its node."""
        return self.publish not in (Publish.INSIDE, Publish.DOOR)


@dataclass(frozen=True)
class Resources:
    """What a container needs, and gets at most.

    Attributes:
        cpus: cores. memory: bytes. Each 0 for the platform's default.
        gpus: whole ones. gpu_type: as the nodes' label says it; "" for any.
    """

    cpus: float = 0
    memory: int = 0
    gpus: int = 0
    gpu_type: str = ""


@dataclass(frozen=True)
class Health:
    """How to see that a container works: a program inside it, or an answer by HTTP. In seconds."""

    command: tuple[str, ...] = ()
    port: int = 0
    path: str = "/"
    interval: int = 10
    timeout: int = 5
    retries: int = 3
    start: int = 60


@dataclass(frozen=True)
class Part:
    """One container of a deployment.

    Attributes:
        image: a reference, as its author wrote it.
        command: in place of the image's program; args: its arguments. Each () for the image's own.
        env: never has the variables by which the platform gives GPUs.
        secrets: names of the project's secrets.
        volumes: by volume's name the path where the container sees it.
        as_root: whether it has to be root inside, which its project has to be allowed.
        accounts: whether it is told whom to ask who may log in: an image with sshd does.
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    workdir: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    resources: Resources = Resources()
    volumes: Mapping[str, str] = field(default_factory=dict)
    health: Health | None = None
    as_root: bool = False
    accounts: bool = False

    @property
    def ways(self) -> tuple[Port, ...]:
        """Its ports at the front door."""
        return tuple(port for port in self.ports if port.way)


class Order(StrEnum):
    """How a new revision takes an old one's place."""

    AUTO = "auto"
    START_FIRST = "start-first"
    STOP_FIRST = "stop-first"


@dataclass(frozen=True)
class Deployment:
    """What somebody wants to run.

    Attributes:
        project: whose it is; "" for whoever brings it to say.
        replicas: how many copies; each has all parts.
        shm: bytes of /dev/shm, which the parts of a copy share; 0 for the platform's default.
        node: the one that it is bound to; "" for none.
        placement: labels, with values, that its node has to have.
        stop_time: seconds from SIGTERM to SIGKILL.
        monitor: seconds that a new revision has to stay healthy.
        drain: seconds that connections by the front door may go on with the old one at most.
    """

    name: str
    parts: tuple[Part, ...]
    project: str = ""
    replicas: int = 1
    shm: int = 0
    node: str = ""
    placement: tuple[tuple[str, str], ...] = ()
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    stop_time: int = 10
    order: Order = Order.AUTO
    monitor: int = 10
    drain: int = 30

    @property
    def bound(self) -> tuple[str, ...]:
        """Why it can't move to another node by itself; () when it can."""
        on_node = [v.name for v in self.volumes.values() if v.kind is VolumeKind.HOST]
        reasons = (
            (self.node, f"node {self.node}"),
            (on_node, f"volumes of a node ({', '.join(on_node)})"),
            (len(self.parts) > 1, f"{len(self.parts)} containers, which share a node"),
        )
        return tuple(text for applies, text in reasons if applies)


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    return PurePosixPath(path).is_relative_to(folder)
