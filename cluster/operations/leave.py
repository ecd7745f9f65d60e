"""Operations that take a node out of the Swarm."""

from __future__ import annotations

import time
from dataclasses import dataclass

from cluster.connectors.node import Node
from cluster.errors import DeadlineError
from cluster.model.item import Action, Kind
from cluster.operations.base import Context, Operation
from cluster.operations.swarm_entry import demote, forget

_PAUSE = 0.1  # seconds between two requests while a node is demoted


@dataclass(frozen=True)
class LeaveSwarm(Operation):
    """Have a node leave the Swarm, and remove its entry.

    Attributes:
        node_id: the id of its entry. role: its role there, manager or worker.
        via: the manager that makes the changes; the node itself if it is the last, which ends the
            Swarm.
    """

    node: str
    node_id: str
    role: str
    via: str
    order: int
    name: str = "swarm"
    kind, action = Kind.LEAVE, Action.LEAVE

    def execute(self, context: Context) -> str:
        """Demote a manager first, or the other managers would count it as lost; then leave."""
        node, via = self.node_in(context), context.fleet.nodes[self.via]
        last = self.node == self.via
        if self.role == "manager" and not last:
            demote(via, self.node_id)
            _wait_demoted(node)
        with node.talking("leaving the Swarm", node.deadlines.swarm) as engine:
            engine.leave_swarm(force=last)
        if not last:
            forget(via, self.node_id)
        return "the Swarm has ended" if last else ""


@dataclass(frozen=True)
class ForgetNode(Operation):
    """Remove the entry of a node that is gone for good.

    Attributes:
        node_id: the id of its entry. via: the manager that removes it.
    """

    node: str
    node_id: str
    via: str
    order: int
    name: str = "swarm"
    kind, action = Kind.LEAVE, Action.LEAVE

    @property
    def performer(self) -> str:
        """The manager, since the node itself can't be reached."""
        return self.via

    def execute(self, context: Context) -> str:
        """Remove the entry."""
        forget(context.fleet.nodes[self.via], self.node_id)
        return "its entry was removed; the node itself can't be reached"


def _wait_demoted(node: Node) -> None:
    """Wait until a demoted manager knows that it is a worker: only then may it leave."""
    end = time.monotonic() + node.deadlines.swarm
    with node.talking("becoming a worker") as engine:
        while engine.info()["Swarm"]["ControlAvailable"]:
            if time.monotonic() > end:
                raise DeadlineError(node.name, "it does not become a worker")
            time.sleep(_PAUSE)
