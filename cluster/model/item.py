"""The items of a plan: what is to be done, what is right already, and what can't be done now.

What is to be done is an operation (`cluster.operations`). Waves, reports, dry runs and the audit
trail use the interface of `Item` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from cluster.model.spec import Container

Key: TypeAlias = tuple[str, str, str]


class Kind(StrEnum):
    """What an item is about, in the order in which the kinds are carried out."""

    # What a machine has besides containers. Only hosts/ makes these, and carries them out itself;
    # but for the restart of an engine, which is an operation.
    HOST = "host"
    SWARM = "swarm"
    INTENT = "intent"
    NETWORK = "network"
    SECRETS = "secrets"
    FILE = "file"
    CREDENTIAL = "credential"
    IMAGE = "image"
    CONTAINER = "container"
    SERVICE = "service"
    LEAVE = "leave"


class Action(StrEnum):
    """The word for an item in tables, JSON and the audit trail."""

    KEEP = "keep"
    DEFER = "defer"
    BLOCK = "block"
    INIT = "init"
    JOIN = "join"
    LABEL = "label"
    ROLE = "role"
    DRAIN = "drain"
    ACTIVATE = "activate"
    LEAVE = "leave"
    MOVE = "move"
    BEGIN = "begin"
    HOLD = "hold"
    RELEASE = "release"
    SET = "set"
    PIN = "pin"
    NUMBER = "number"
    ADMIT = "admit"
    RECORD = "record"
    FORGET = "forget"
    SAVE = "save"
    INSTALL = "install"
    BUILD = "build"
    PULL = "pull"
    CREATE = "create"
    REPLACE = "replace"
    START = "start"
    RESTART = "restart"
    RUN = "run"
    JOB = "job"
    CONFIGURE = "configure"
    REMOVE = "remove"
    UNTAG = "untag"
    PRUNE = "prune"
    PRUNE_CACHE = "prune cache"
    WAIT = "wait"


@dataclass(frozen=True)
class Difference:
    """A field that is not as it should be."""

    name: str
    wanted: object
    found: object

    def __str__(self) -> str:
        return f"{self.name}: {_short(self.found)} -> {_short(self.wanted)}"


class Item:
    """One line of a plan.

    Attributes:
        kind, action: what it is about, and the word for it.
        node, name: where, and the name of what it is about.
        differences: what is not as it should be.
        start_phase: its place among the containers of its service when they start.
        order: its place among items that are carried out one after another, from 1 on: it waits for
            those with a lower one, and is skipped when one of them failed. 0: no such place.
    """

    kind: Kind
    action: Action
    if TYPE_CHECKING:
        # Declared for the type checker alone: at run time a data class would take an inherited
        # property for the default of its field of the same name.
        @property
        def node(self) -> str: ...  # noqa: D102
        @property
        def name(self) -> str: ...  # noqa: D102

    differences: tuple[Difference, ...] = ()
    start_phase: int = 0
    order: int = 0

    @property
    def key(self) -> Key:
        """What the item is about, whatever is to be done to it."""
        return (self.kind, self.node, self.name)

    @property
    def service(self) -> str:
        """The service of the container that it is about; "" for none."""
        return ""

    @property
    def after(self) -> tuple[str, ...]:
        """The services whose containers have to be there first."""
        return ()

    @property
    def goes_before(self) -> tuple[str, ...]:
        """For a removal: the services that are taken down later."""
        return ()

    @property
    def is_removal(self) -> bool:
        """Whether it removes a container: removals come first, in the opposite order of `after`."""
        return False

    def waits_for(self, removal: Item) -> bool:  # noqa: ARG002
        """Whether it is skipped when a removal has failed that goes before it anyhow."""
        return False

    @property
    def is_blocked(self) -> bool:
        """Whether it can't be carried out now."""
        return False

    @property
    def is_action(self) -> bool:
        """Whether there is something to carry out."""
        return False

    @property
    def changes(self) -> bool:
        """Whether carrying it out changes something for certain."""
        return False

    @property
    def needs_lock(self) -> bool:
        """Whether it may be carried out only by the command that holds the cluster's lock."""
        return False

    @property
    def is_provisional(self) -> bool:
        """Whether observing the cluster again, after a change, may lead to another item."""
        return False

    @property
    def verb(self) -> str:
        """What a table says was done, or is planned."""
        return str(self.action)

    def describe(self) -> str:
        """Return it in a few words, for progress lines."""
        return f"{self.action} {self.name}"


class ContainerItem(Item):
    """What items about a container have in common; `container` is None where it is not known."""

    container: Container | None

    @property
    def service(self) -> str:
        """The container's service."""
        return self.container.service if self.container else ""

    @property
    def after(self) -> tuple[str, ...]:
        """The services that the container comes after."""
        return self.container.after if self.container else ()

    @property
    def start_phase(self) -> int:  # type: ignore[override]  # derived instead of given
        """The container's place in the beginning of its service."""
        return self.container.start_phase if self.container else 0


@dataclass(frozen=True)
class Keep(ContainerItem):
    """Something that is as it should be.

    Attributes:
        container: the wanted container, if the item is about one.
        identity: the id or digest of its image; "" if that is not known now.
    """

    kind: Kind
    node: str
    name: str
    container: Container | None = None
    identity: str = ""
    differences: tuple[Difference, ...] = ()
    action = Action.KEEP

    @property
    def is_provisional(self) -> bool:
        """Whether it is a container whose image could not be compared."""
        return self.container is not None and not self.identity


@dataclass(frozen=True)
class _Standing(ContainerItem):
    """What can't be carried out now.

    Attributes:
        reason, hint: why not, and what to type.
        container: the wanted container, if the item is about one.
        order: that of the operation in whose place it stands: those behind it wait too.
    """

    kind: Kind
    node: str
    name: str
    reason: str
    hint: str = ""
    container: Container | None = None
    differences: tuple[Difference, ...] = ()
    order: int = 0

    @property
    def is_blocked(self) -> bool:
        """Always: this is what the item says."""
        return True


@dataclass(frozen=True)
class Deferred(_Standing):
    """What is wanted, but needs something first that another operation makes."""

    action = Action.DEFER

    @property
    def is_provisional(self) -> bool:
        """Always: it can be done once the other operation is."""
        return True


@dataclass(frozen=True)
class Blocked(_Standing):
    """What is wanted, but has an obstacle that only a person can remove."""

    action = Action.BLOCK

    @property
    def verb(self) -> str:
        """What it would do without the obstacle."""
        return str(Action.CREATE)


@dataclass(frozen=True)
class Noted(Item):
    """A line of a report about work outside of a plan: a machine's item, a key, an image build."""

    kind: Kind
    action: Action
    node: str
    name: str

    @property
    def is_action(self) -> bool:
        """Whether there is something to do."""
        return self.action is not Action.KEEP

    @property
    def changes(self) -> bool:
        """Whether there is something to do, which is always a change."""
        return self.is_action


def _short(value: object) -> str:
    text = "none" if value in (None, "", [], {}, ()) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
