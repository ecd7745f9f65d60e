"""Steps that take a node out of the Swarm."""

from __future__ import annotations

import time
from collections.abc import Mapping

from cluster.connectors.node import Node
from cluster.errors import DeadlineError
from cluster.model.step import Action, Step
from cluster.operations.dispatch import Context, Performer
from cluster.operations.swarm import demote, forget

_PAUSE = 0.1  # seconds between two looks at a node that is being demoted


def _leave(context: Context, step: Step) -> str:
    """Let a node go; the manager that is asked goes last, and takes the Swarm with it."""
    via = context.fleet.nodes[context.swarm.via]
    (node_id,) = step.stale
    if step.node not in context.state.nodes:
        forget(via, node_id)
        return "its entry was removed; the node itself can't be reached"
    node = context.fleet.nodes[step.node]
    last = node is via
    if step.role == "manager" and not last:
        demote(via, node_id)
        _wait_demoted(node)
    with node.talking("leaving the Swarm", node.deadlines.swarm) as engine:
        engine.leave_swarm(force=last)
    if not last:
        forget(via, node_id)
    return "the Swarm has ended" if last else ""


def _wait_demoted(node: Node) -> None:
    """Wait until a manager knows that it is a worker: only then it leaves without harm."""
    end = time.monotonic() + node.deadlines.swarm
    with node.talking("becoming a worker") as engine:
        while engine.info()["Swarm"]["ControlAvailable"]:
            if time.monotonic() > end:
                raise DeadlineError(node.name, "it does not become a worker")
            time.sleep(_PAUSE)


PERFORMERS: Mapping[str, Performer] = {Action.LEAVE: _leave}
