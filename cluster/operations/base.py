"""The base of all operations, and the context in which they are carried out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster.model.item import Item
from cluster.model.policy import Progress
from cluster.model.result import Outcome

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node


class BusyError(Exception):
    """A container was left as it is because it is at work; the text says with what."""


def _nothing_lost() -> None:
    """Do nothing: the default check, for operations that need no lock."""


@dataclass(frozen=True)
class Context:
    """What all operations need.

    Attributes:
        fleet: the connected nodes.
        progress: how operations report what they do.
        check: raises LockedError when the lock was lost: then nothing more may be changed.
    """

    fleet: Fleet
    progress: Progress
    check: Callable[[], None] = field(default=_nothing_lost)


class Operation(Item):
    """One thing to be done on one node: a frozen data class with the fields that it needs.

    It knows what it is and how it is carried out (decision 61).
    """

    @property
    def is_action(self) -> bool:
        """Always: an operation is something to carry out."""
        return True

    @property
    def changes(self) -> bool:
        """Whether carrying it out changes something for certain; the default is yes."""
        return True

    @property
    def needs_lock(self) -> bool:
        """Whether carrying it out needs the lock; the default is yes."""
        return True

    @property
    def performer(self) -> str:
        """The node whose thread carries it out.

        It is another than `node` where one manager makes a change for several nodes.
        """
        return self.node

    def node_in(self, context: Context) -> Node:
        """Return the connected node that the operation is about."""
        return context.fleet.nodes[self.node]

    @abstractmethod
    def execute(self, context: Context) -> str:
        """Carry the operation out, and return a detail for the report, or "".

        Raises:
            NodeError: it failed; nothing is left that the next plan would take for done.
            BusyError: a container is at work and was left as it is.
        """

    def outcome(self, detail: str) -> Outcome:  # noqa: ARG002
        """Return the outcome of an `execute` that returned `detail`."""
        return Outcome.DONE if self.changes else Outcome.UNCHANGED
