"""A plan that takes away an unusual share of what runs is a person's decision. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.config.inventory import Inventory
from cluster.model.item import Item
from cluster.model.state import HALF_MADE, LABEL_OWNED, State
from cluster.operations.container import RemoveContainer
from cluster.operations.leave import ForgetNode, LeaveSwarm

SHARE = 1 / 3
"""Of what is ours; more than one container, or any node, has to be concerned."""


def confirmation(inventory: Inventory, state: State, items: Iterable[Item]) -> str:
    """Return what a person is to be asked before `items` are carried out; "" for nothing."""
    items = list(items)
    if leaving := [i.node for i in items if isinstance(i, LeaveSwarm | ForgetNode)]:
        return _leaving(leaving, items, state)
    found = [
        f"{lost}: in the Swarm, but no longer in {inventory.path}; what runs there would be left "
        "to itself"
        for lost in [_lost(inventory, state)]
        if lost
    ]
    ours = [
        c
        for node in state.nodes.values()
        for c in node.containers.values()
        if c.service and not c.name.endswith(HALF_MADE)
    ]
    gone = [
        item
        for item in items
        if isinstance(item, RemoveContainer) and not item.name.endswith(HALF_MADE)
    ]
    if len(gone) > 1 and len(gone) > SHARE * len(ours):
        names = ", ".join(f"{item.name} on {item.node}" for item in gone[:6])
        more = ", ..." if len(gone) > 6 else ""
        found.append(f"{len(gone)} of {len(ours)} containers would be removed: {names}{more}")
    return "\n  ".join(found)


def _leaving(leaving: list[str], items: Iterable[Item], state: State) -> str:
    gone = sum(isinstance(item, RemoveContainer) for item in items)
    end = state.swarm is not None and len(leaving) == len(state.swarm.nodes)
    return (
        f"{', '.join(leaving)} will leave the Swarm, and {gone} container(s) there be removed; "
        f"their data stays{'. The Swarm ends: what it remembers is gone' if end else ''}"
    )


def _lost(inventory: Inventory, state: State) -> str:
    """Return the Swarm's nodes that were ours and are not in the inventory, if many."""
    if state.swarm is None:
        return ""
    known = {node.membership.node_id for node in state.nodes.values()}
    addresses = {host.ipv4 for host in inventory.hosts}
    entries = state.swarm.nodes.values()
    lost = [
        entry.hostname
        for entry in entries
        if entry.id not in known
        and entry.hostname not in inventory.names
        and entry.address not in addresses
        and entry.state != "down"
        and LABEL_OWNED in entry.labels
    ]
    return ", ".join(sorted(lost)) if len(lost) > SHARE * len(state.swarm.nodes) else ""
