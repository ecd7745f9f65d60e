"""Containers, images and files as they are wanted: values that services make and plans compare."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any

from cluster.config.secrets import Secret

# Every node's own registry, on its loopback (decision 4).
REGISTRY = "localhost:5000"
# distribution.github.io, "reference": a tag.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
SECRETS_TARGET = "/run/skp"
# On each node: the folder that has, for each container, the folder that is mounted there.
FILES_ROOT = "/var/lib/skp/files"
# On each node: by container, what its files that may change while it runs were written from.
MARKS_ROOT = "/var/lib/skp/live"
LIVE = "live"
"""The folder in a container's own, /run/skp, that has the files that may change while it runs."""
# The engine's runtime that gives GPUs to containers, by the name NVIDIA's toolkit registers.
GPU_RUNTIME = "nvidia"
# The Swarm's generic resource that a node's GPUs are, by identity.
GPU_RESOURCE = "GPU"


class Source(StrEnum):
    """How an image reaches a node."""

    REGISTRY = "registry"  # pulled from the node's own registry
    STREAM = "stream"  # copied from the master's engine; for what the registry itself needs


@dataclass(frozen=True)
class Image:
    """An image by name and tag, without a registry's address.

    Attributes:
        built_by: the command that builds and pushes it, for the hint when it is missing.
        recipe: the folder of images/ that it is built from; "" for the one of its own name.
    """

    repository: str
    tag: str = "latest"
    source: Source = Source.REGISTRY
    built_by: str = ""
    recipe: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Repository and tag, without a registry's address."""
        return f"{self.repository}:{self.tag}"

    @property
    def reference(self) -> str:
        """The reference by which engines know it."""
        return f"{REGISTRY}/{self.name}" if self.source is Source.REGISTRY else self.name


@dataclass(frozen=True)
class Mount:
    """A bind mount of a folder that has to exist on the node, or is made when `create` is set.

    Attributes:
        source: absolute path on the node.
        target: absolute path in the container.
        read_only: whether the container may not write. With a propagation of its own, mounts that
            appear beneath it later are as writable as they are themselves.
        propagation: "rprivate", "rslave" or "rshared" (docs.docker.com, bind propagation).
        create: make the folder before the container, and in it the mountpoints of other mounts.
        owner: "UID:GID" of a folder that is made; "" for the container's user. A folder that is
            there and somebody else's is handed over with all that is in it, unless to root.
    """

    source: str
    target: str
    read_only: bool = False
    propagation: str = "rprivate"
    create: bool = False
    owner: str = ""


@dataclass(frozen=True)
class Port:
    """A published port; `address` is the node's own address to listen on, "" for all of them.

    Services leave it "", and the plan puts it in (`cluster/model/listeners.py`). In the node's own
    network nothing is published: there it only says what is listened on.
    """

    host: int
    container: int
    protocol: str = "tcp"
    address: str = ""


@dataclass(frozen=True)
class Probe:
    """A command inside the container that ends with 0 when the service works. Times in seconds."""

    command: tuple[str, ...]
    interval: float = 15
    timeout: float = 10
    retries: int = 3
    start_period: float = 120
    start_interval: float = 1


@dataclass(frozen=True)
class SecretFile:
    """A file under /run/skp that only the container's user can read."""

    name: str
    content: Secret


@dataclass(frozen=True)
class ConfigFile:
    """A file under /run/skp without secrets."""

    name: str
    content: str


CONFINEMENT = 1
"""Counts the changes of how every container is confined; each replaces all containers once."""
HOST, BRIDGE = "host", "bridge"
"""Networks that every node has of itself: its own, and the engine's private one."""
UNKNOWN_USER = "unknown"
"""In place of a user id: it is not known whom a container may run as, or that would be root by
chance, so that it is not made."""
NOBODY, ROOT = "65534:65534", "0:0"
"""Users: of a container that says none, as of our images; and root, which has to be said."""


@dataclass(frozen=True)
class Container:
    """One container on one node.

    Attributes:
        node, name, service: where, its name (unique in the cluster), and which service wants it.
        image: what it runs.
        command: arguments to the image's entry point; empty for the image's own.
        entrypoint: in place of the image's own; empty for that.
        environment: plain variables. Never a secret: `docker inspect` shows them.
        mounts, ports, files: see their classes; files are placed under /run/skp.
        live: files under /run/skp/live, whose content may change while it runs: each is exchanged
            as a whole, and the container is not replaced. It has to notice that by itself.
        live_mark: a keyed hash of what they hold, which its node remembers; the plan puts it in.
        live_version: "COUNT:NUMBER" that they are from, or "": what is from a higher number stays.
        network: the overlay's name, `HOST` or `BRIDGE`. also_on: further overlays that it is on.
        joins: overlays that it joins while it runs; others that begin with `joined_by` it leaves.
        aliases: further names on the overlays.
        user: "UID" or "UID:GID"; `ROOT` has to be said; `UNKNOWN_USER` where it is not known.
        memory: limit in bytes, 0 for most of what the node has. cpus: in cores, 0 for no limit.
        shm: size of /dev/shm in bytes, 0 for half of `memory`; what is in it counts there too.
        devices: the node's devices that it may use. capabilities: those it has, and no others.
        pids: how many processes and threads it may have.
        read_only: whether it may write nowhere but in mounts, `scratch` and `disk`.
        scratch: paths of its own in memory, empty at each start.
        disk: paths of its own on the node's disk, which begin as in the image and go with it.
        security: the engine's security options beyond ours, e.g. "apparmor=unconfined".
        node_files: paths of the `NodeFile`s that a node has before, if it is to have them.
        gpus: how many of the node's GPUs, -1 for all, through the engine's runtime for them.
        probe: how to see that it works; without one, running is enough.
        stop_timeout: seconds from SIGTERM to SIGKILL.
        sole: whether two of its name, on two nodes, would ruin the data that they share.
        busy: a command inside it that ends with 0, and says with what, when it is at work and
            replacing it would cost somebody something.
        after: services whose containers have to be healthy before this one starts.
        start_phase: its place when its service starts, from 0 on: it starts after the containers
            with a lower one work.
        rolling_order: its place when the service's containers are replaced one after another, from
            1 on; 0 when they may be replaced all at once.
        ready_check: a command inside it that ends with 0 when the next one may be replaced; else
            it says why not.
        removal_check: a command inside it that ends with 0 when it may be taken away for good;
            else it says why not.
        obstacle: why it can't be made, and what to do; () for nothing.
    """

    node: str
    name: str
    service: str
    image: Image
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    files: tuple[SecretFile | ConfigFile, ...] = ()
    live: tuple[SecretFile | ConfigFile, ...] = field(default=(), metadata={"spec": False})
    live_mark: str = field(default="", metadata={"spec": False})
    live_version: str = field(default="", metadata={"spec": False})
    network: str = HOST
    also_on: tuple[str, ...] = ()
    joins: tuple[str, ...] = field(default=(), metadata={"spec": False})
    joined_by: str = field(default="", metadata={"spec": False})
    aliases: tuple[str, ...] = ()
    user: str = NOBODY
    memory: int = 0
    shm: int = 0
    cpus: float = 0
    devices: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    pids: int = 4096
    read_only: bool = False
    scratch: tuple[str, ...] = ()
    disk: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    node_files: tuple[str, ...] = field(default=(), metadata={"spec": False})
    gpus: int = 0
    restart: str = "unless-stopped"
    probe: Probe | None = None
    stop_timeout: int = 10
    sole: bool = field(default=False, metadata={"spec": False})
    busy: tuple[str, ...] = field(default=(), metadata={"spec": False})
    after: tuple[str, ...] = field(default=(), metadata={"spec": False})
    start_phase: int = field(default=0, metadata={"spec": False})
    rolling_order: int = field(default=0, metadata={"spec": False})
    ready_check: tuple[str, ...] = field(default=(), metadata={"spec": False})
    removal_check: tuple[str, ...] = field(default=(), metadata={"spec": False})
    obstacle: tuple[str, ...] = field(default=(), metadata={"spec": False})

    @property
    def on_overlay(self) -> bool:
        """Whether its network is one of the Swarm's, and none that a node has of itself."""
        return self.network not in (HOST, BRIDGE)

    @property
    def overlays(self) -> tuple[str, ...]:
        """The names of the Swarm's networks that it is on."""
        return (self.network, *self.also_on, *self.joins) if self.on_overlay else ()

    def strays(self, networks: Iterable[str]) -> list[str]:
        """Return those of the networks that it is on which it is to leave."""
        left = self.joined_by
        return [n for n in networks if left and n.startswith(left) and n not in self.overlays]

    @property
    def has_files(self) -> bool:
        """Whether it has a folder of files of its own at /run/skp."""
        return bool(self.files or self.live)

    def marked(self, key: Secret) -> Container:
        """Return it with the mark of what its files that may change are to hold, if it has any."""
        if not self.live:
            return self
        return replace(self, live_mark=fingerprint({LIVE: _plain(self.live, key)}, key))

    def described(self, image_id: str | None, key: Secret) -> dict[str, Any]:
        """Return what makes two containers the same, as plain JSON values.

        Values left at their defaults do not appear, so that a new version of SKP with a new
        field describes an old container the same way. Secrets appear as keyed hashes.

        Args:
            image_id: the image's digest (or id, for a streamed one); None if not known.
            key: the cluster's key for hashes.
        """
        described = _plain(self, key)
        assert isinstance(described, dict)
        described["image"] = {"name": self.image.reference, "id": image_id}
        described["confinement"] = CONFINEMENT
        return described


def mark_file(container: str) -> str:
    """Return the path on a node of the file that has `Container.live_mark` of what was written.

    Anybody may read it. A service whose containers have such files names it in `marker_files`.
    """
    return f"{MARKS_ROOT}/{container}"


def fingerprint(described: Mapping[str, Any], key: Secret) -> str:
    """Return the keyed hash of a description: equal for equal containers."""
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()


def _plain(value: object, key: Secret) -> object:
    if isinstance(value, Secret):
        return value.fingerprint(key)
    if is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: _plain(getattr(value, f.name), key)
            for f in fields(value)
            if f.metadata.get("spec", True)
            and (f.default is MISSING or getattr(value, f.name) != f.default)
        }
    if isinstance(value, tuple):
        return [_plain(item, key) for item in value]
    return value
