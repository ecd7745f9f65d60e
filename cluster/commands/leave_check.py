"""Before a node leaves the Swarm: its containers are asked whether they may be removed for good."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.model.item import Blocked, Item, Kind
from cluster.model.policy import Busy
from cluster.model.state import FoundContainer, State
from cluster.operations.container import RemoveContainer
from cluster.operations.leave import ForgetNode, LeaveSwarm
from cluster.operations.rolling import may_go


def block_unsafe_leaves(
    fleet: Fleet, items: Iterable[Item], state: State, busy: Busy
) -> tuple[Item, ...]:
    """Return `items`, with one `Blocked` in place of all items of a node that may not leave yet.

    When all nodes leave, and the Swarm ends, nobody is asked: all data stays where it is.
    """
    items = tuple(items)
    leaving = {item.node for item in items if isinstance(item, LeaveSwarm | ForgetNode)}
    members = state.swarm.nodes.values() if state.swarm else ()
    if len(leaving) == sum(not member.joining for member in members):
        return items
    asked: dict[str, list[FoundContainer]] = {}
    for item in items:
        if item.node in leaving and isinstance(item, RemoveContainer) and item.found.removal_check:
            asked.setdefault(item.node, []).append(item.found)

    def ask(node: Node) -> None:
        for container in asked[node.name]:
            may_go(node, container, busy)

    refused = fleet.each(ask, asked).errors
    return (
        *(item for item in items if item.node not in refused),
        *(
            Blocked(Kind.LEAVE, name, "swarm", error.what.removeprefix(f"{name}: "), error.hint)
            for name, error in refused.items()
        ),
    )
