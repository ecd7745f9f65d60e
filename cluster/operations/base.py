"""What every operation is, and what it is given when it is carried out."""

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
    """A container is at work and was therefore left as it is; the text says with what."""


def _nothing_lost() -> None:
    """Stand for the check of a lock that is not needed."""


@dataclass(frozen=True)
class Context:
    """What all operations need.

    Attributes:
        fleet: the connected nodes.
        progress: how they tell what goes on.
        check: raises when nothing more may be changed, because the lock was lost.
    """

    fleet: Fleet
    progress: Progress
    check: Callable[[], None] = field(default=_nothing_lost)


class Operation(Item):
    """One thing to be done on one node: a frozen data class with the fields that it needs."""

    @property
    def is_action(self) -> bool:
        """By definition."""
        return True

    @property
    def changes(self) -> bool:
        """What an operation is for, unless it says otherwise."""
        return True

    @property
    def needs_lock(self) -> bool:
        """Two commands are not to change one cluster at the same time."""
        return True

    @property
    def performer(self) -> str:
        """The node whose thread carries it out: entries of the Swarm are changed by one."""
        return self.node

    def node_in(self, context: Context) -> Node:
        """Return the connected node that it is about."""
        return context.fleet.nodes[self.node]

    @abstractmethod
    def execute(self, context: Context) -> str:
        """Carry it out, and return a detail for the report, or "".

        Raises:
            NodeError: it failed; nothing half-made is left that a next plan would take for done.
            BusyError: somebody's work would have been lost; nothing was changed.
        """

    def outcome(self, detail: str) -> Outcome:  # noqa: ARG002
        """Return how it ended, when `execute` has returned `detail`."""
        return Outcome.DONE if self.changes else Outcome.UNCHANGED
