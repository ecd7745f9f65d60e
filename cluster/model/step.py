"""One thing that a plan says is to be done, or was found right, or can't be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from cluster.model.spec import Container, Credential, NodeFile
from cluster.model.state import FoundContainer

Key: TypeAlias = tuple[str, str, str]


class Kind(StrEnum):
    """What a step is about, in the order in which the kinds are applied."""

    # What a machine has beside an engine: hosts/ does that, by itself.
    HOST = "host"
    SWARM = "swarm"
    INTENT = "intent"
    NETWORK = "network"
    SECRETS = "secrets"
    FILE = "file"
    CREDENTIAL = "credential"
    IMAGE = "image"
    CONTAINER = "container"
    LEAVE = "leave"


class Action(StrEnum):
    """What a step does."""

    KEEP = "keep"
    INIT = "init"
    JOIN = "join"
    LABEL = "label"
    ROLE = "role"
    DRAIN = "drain"
    ACTIVATE = "activate"
    LEAVE = "leave"
    HOLD = "hold"
    RELEASE = "release"
    SET = "set"
    PIN = "pin"
    NUMBER = "number"
    SAVE = "save"
    INSTALL = "install"
    BUILD = "build"
    PULL = "pull"
    CREATE = "create"
    REPLACE = "replace"
    START = "start"
    RESTART = "restart"
    # A command of the service's own, in its container.
    RUN = "run"
    # A container that runs to its end, and goes.
    JOB = "job"
    REMOVE = "remove"
    # Take a tag out of the registry; take away images, or the build cache, that nothing needs.
    UNTAG = "untag"
    PRUNE = "prune"
    PRUNE_CACHE = "prune cache"
    # It is as it should be but does not work yet, or no more: see whether it gets healthy.
    WAIT = "wait"
    # Wanted, but something that another step makes has to be there first.
    DEFER = "defer"
    # Wanted, but something is in the way that only a person can remove.
    BLOCK = "block"


@dataclass(frozen=True)
class Difference:
    """A field that is not as it should be."""

    name: str
    wanted: object
    found: object

    def __str__(self) -> str:
        return f"{self.name}: {_short(self.found)} -> {_short(self.wanted)}"


@dataclass(frozen=True)
class Step:
    """One step of a plan.

    Attributes:
        kind, action, node, name: what is done to what, where.
        differences: why a replace (or a change of labels) is needed.
        reason, hint: why it can't be done now, and what to type.
        container, identity: for containers: what is wanted, and its image's id or digest.
        found: the container that is there now.
        labels, role: for Swarm nodes: what they are to become.
        values: for an intent: the options, digests or numbers that are decided.
        stale: ids of Swarm entries to remove: those that this node left behind when it was
            reinstalled, or its own when it leaves.
        images: for a prune: the ids of the images that go.
        turn: its place in a rolling change: it waits for the steps with a lower one (from 1 on),
            and is skipped when one of them failed. 0: no such place.
        file: for files of the node's own: what is wanted.
        credential: for credentials: what is to be written.
        command: for a run: what runs in the container. seconds: and its (or a job's) deadline.
    """

    kind: Kind
    action: Action
    node: str
    name: str
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    hint: str = ""
    container: Container | None = None
    identity: str = ""
    found: FoundContainer | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    turn: int = 0
    file: NodeFile | None = None
    credential: Credential | None = None
    command: tuple[str, ...] = ()
    seconds: float = 0

    @property
    def key(self) -> Key:
        """What the step is about, whatever is to be done to it."""
        return (self.kind, self.node, self.name)

    @property
    def stands(self) -> bool:
        """Whether it can't be carried out now; `reason` and `hint` say why."""
        return self.action in (Action.DEFER, Action.BLOCK)

    @property
    def acts(self) -> bool:
        """Whether there is something to do."""
        return self.action is not Action.KEEP and not self.stands

    @property
    def changes(self) -> bool:
        """Whether applying it changes anything."""
        return self.acts and self.action is not Action.WAIT

    @property
    def stage(self) -> int:
        """Its place in the beginning of its service; see `Container`."""
        return self.container.stage if self.container else 0

    @property
    def after(self) -> tuple[str, ...]:
        """The services that have to be there first."""
        return self.container.after if self.container else ()


def needed(step: Step, steps: Iterable[Step]) -> list[Step]:
    """Return the steps that `step` has to wait for.

    Of each service in `after`: the one on the same node if there is one there (a registry), else
    all of them (a database). Of its own service: those of lower stages and, in a rolling change,
    those whose turn is before.
    """
    steps = list(steps)
    own = [s for s in steps if _service(s) == _service(step)]
    waiting = [s for s in own if s.stage < step.stage or 0 < s.turn < step.turn]
    for service in step.after:
        theirs = [s for s in steps if s.container and s.container.service == service]
        waiting += [s for s in theirs if s.node == step.node] or theirs
    return waiting


def _service(step: Step) -> str:
    return step.container.service if step.container else ""


def _short(value: object) -> str:
    text = "none" if value in (None, "", [], {}, ()) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
