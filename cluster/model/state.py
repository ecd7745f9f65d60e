"""The cluster as it was observed: frozen values, nothing that talks to a node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cluster.config.secrets import Secret, StoredSecrets
from cluster.errors import NodeError
from cluster.model.answer import Unanswered
from cluster.model.decisions import Decisions
from cluster.model.route import Routes
from cluster.model.spec import Image

LABEL_SERVICE = "skp.service"
LABEL_SPEC = "skp.spec"
LABEL_FIELDS = "skp.fields"
# On Swarm nodes: which of its labels are ours, comma-separated.
LABEL_OWNED = "skp.labels"
# On a container: the command inside it that tells whether it is at work, as JSON.
LABEL_BUSY = "skp.busy"
# On a container: the commands inside it that tell whether the next one may be replaced, and
# whether it may go for good, as JSON.
LABEL_READY_CHECK = "skp.settled"
LABEL_REMOVAL_CHECK = "skp.leaving"
# On a container: the services that start before it, and are removed after it, as JSON.
LABEL_AFTER = "skp.after"
# On a container: the image digest of the one that it replaced, for a rollback.
LABEL_PREVIOUS = "skp.previous"
# On an overlay network: packets between nodes are encrypted, whatever the option's value.
OPTION_ENCRYPTED = "encrypted"
DATA_PORT = 4789
"""The UDP port of the overlay's packets where a Swarm was begun without another."""
# The end of the temporary name that a new container has until it takes its place.
HALF_MADE = ".new"
_CLOCKS_DIFFER = 5  # seconds; more than asking takes on a busy machine


class Health(StrEnum):
    """The engine's word for the result of a container's probe."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True)
class FoundContainer:
    """A container on a node.

    Attributes:
        service: the service it belongs to; None when SKP did not make it.
        spec: the keyed hash it was created with; fields: the description it was created from.
        status: the engine's word: created, running, restarting, exited, paused, dead.
        started: RFC 3339 time of the last start.
        busy: the command inside it that tells whether it is at work; () for none.
        ready_check, removal_check: the commands inside it that say whether the next one may be
            replaced, and whether it may go for good; () for none.
        after: the services that it came after, and goes before.
        probe_output: what its probe printed last. networks: the names of those that it is on.
        previous: digest of the image that ran before this one; "" when there was none.
    """

    name: str
    id: str
    image: str
    status: str
    service: str | None = None
    spec: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    health: Health = Health.NONE
    started: str = ""
    previous: str = ""
    busy: tuple[str, ...] = ()
    ready_check: tuple[str, ...] = ()
    removal_check: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    probe_output: str = ""
    ports: tuple[str, ...] = ()
    networks: frozenset[str] = frozenset()

    @property
    def works(self) -> bool:
        """Whether it runs, and its probe, if it has one, says that it works."""
        return self.status == "running" and self.health in (Health.NONE, Health.HEALTHY)


@dataclass(frozen=True)
class Membership:
    """A node's own view of its Swarm membership.

    Attributes:
        state: inactive, pending, active, error, locked.
        node_id: its id in the Swarm; "" outside of one.
        control: whether it is a manager that can change the Swarm.
        address: the address that the Swarm knows it by.
    """

    state: str = "inactive"
    node_id: str = ""
    control: bool = False
    address: str = ""

    @property
    def active(self) -> bool:
        """Whether the node is in a Swarm."""
        return self.state == "active"

    @property
    def within(self) -> bool:
        """Whether the node is in a Swarm, or its engine has just started and seeks its managers."""
        return self.state in ("active", "pending")


@dataclass(frozen=True)
class Login:
    """Who the SSH user is on a node: user id (0: not known) and ids of groups."""

    uid: int = 0
    groups: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Trees:
    """The shared folders, as the node has them whose disk they are on.

    Attributes:
        folders: "UID:GID MODE KIND" by path of those that are there and were asked for.
        left: the old places that still hold data of the platform.
        remains: files of an earlier version that are there and of which nothing is taken over.
    """

    folders: Mapping[str, str] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    remains: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FoundNode:
    """One reachable node.

    Attributes:
        hostname: the name the machine gives itself, and the Swarm shows.
        owner: "UID:GID" of $SKP_HOME/volume; "" when the folder is not there.
        images: image to its id (streamed) or digest (registry) as this node sees it.
        clock: how many seconds its clock is ahead of this machine's.
        secrets: the generated ones that it stores, if it is a manager of the inventory.
        files: the signatures of the files that are wanted here, by path; "" for one that is not
            there.
        marker_files: the beginnings of files of its own that services asked for, by path; only
            those that are there.
        unread: the paths of those that are there, or may be, and could not be read.
        memory: in bytes, 0 if it is not known.
        trees: the shared folders, if it is the master. login: who the SSH user is.
        gpus: how many GPUs its kernel shows. runtimes: the container runtimes of its engine.
        unfit: why its engine can run no container of ours, and what to do; ("", "") for nothing.
    """

    name: str
    hostname: str
    engine_version: str
    membership: Membership
    containers: Mapping[str, FoundContainer]
    owner: str | Unanswered = ""
    images: Mapping[Image, str] = field(default_factory=dict)
    clock: float = 0.0
    secrets: StoredSecrets | Unanswered = field(default_factory=StoredSecrets)
    files: Mapping[str, str] = field(default_factory=dict)
    marker_files: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    memory: int = 0
    gpus: int = 0
    runtimes: frozenset[str] = frozenset()
    unfit: tuple[str, str] = ("", "")
    trees: Trees | Unanswered = field(default_factory=Trees)
    login: Login = field(default_factory=Login)


@dataclass(frozen=True)
class SwarmNode:
    """A node as the Swarm's managers see it.

    Attributes:
        address: where they reach it, "" if unknown.
        drained: whether it is to run nothing.
    """

    id: str
    hostname: str
    role: str
    state: str
    labels: Mapping[str, str]
    leader: bool = False
    address: str = ""
    drained: bool = False

    @property
    def joining(self) -> bool:
        """Whether it was let in but never reported: its join goes on, or was interrupted."""
        return self.state == "unknown" and not self.hostname


@dataclass(frozen=True)
class Swarm:
    """The Swarm as a manager sees it.

    Attributes:
        via: the node that was asked, and that changes go through.
        decisions: what a person decided.
        networks: attachable overlays by name, with the subnet of each.
        tokens: join tokens by role.
        managers: names of the reachable managers, which a joining node can ask.
        encrypted: the names of the overlays whose packets between nodes are encrypted.
        closed: the networks that no container of ours can be attached to, with the subnet of each:
            not attachable, or without addresses since another one has them.
        data_port: the UDP port of the overlay's packets between nodes.
        routes: ways at the front door to what users bring.
    """

    via: str
    id: str
    nodes: Mapping[str, SwarmNode]
    decisions: Decisions
    networks: Mapping[str, str]
    tokens: Mapping[str, Secret]
    managers: tuple[str, ...]
    encrypted: frozenset[str] = frozenset()
    closed: Mapping[str, str] = field(default_factory=dict)
    data_port: int = DATA_PORT
    routes: Routes = field(default_factory=Routes)


@dataclass(frozen=True)
class State:
    """Everything that was observed at one time.

    Attributes:
        nodes: the nodes that answer. unreachable: why the others do not.
        swarm: as one of its managers sees it; None when there is none that answers.
        leaderless: why managers that answer can't say anything of their Swarm; None if they can.
    """

    nodes: Mapping[str, FoundNode]
    unreachable: Mapping[str, NodeError]
    swarm: Swarm | None
    leaderless: NodeError | None = None


def clock_warnings(nodes: Mapping[str, FoundNode]) -> list[str]:
    """Return a warning for each node whose clock is more than 5 s off the others' median."""
    clocks = sorted(node.clock for node in nodes.values()) or [0.0]
    middle = (clocks[len(clocks) // 2] + clocks[~(len(clocks) // 2)]) / 2
    return [
        f"the clock of {node.name} is {abs(node.clock - middle):.0f} s "
        f"{'ahead of' if node.clock > middle else 'behind'} the others'; "
        'pulling images may fail ("filesystem layer verification failed"): use chrony or ntpd'
        for node in nodes.values()
        if abs(node.clock - middle) > _CLOCKS_DIFFER
    ]


def moment(text: str) -> float:
    """Return an engine's time (RFC 3339, nanoseconds) as seconds since the epoch."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).timestamp()
