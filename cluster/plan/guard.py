"""What a person has to confirm: a plan that removes an unusual share of what runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.config.inventory import Inventory
from cluster.model.item import Item
from cluster.model.state import HALF_MADE, LABEL_OWNED, State
from cluster.operations.container import RemoveContainer
from cluster.operations.leave import ForgetNode, LeaveSwarm

SHARE = 1 / 3
"""The share of our containers, or of the Swarm's nodes, above which a person is asked. The removal
of one container is never asked about."""


def confirmation(inventory: Inventory, state: State, items: Iterable[Item]) -> str:
    """Return the question that a person has to confirm before `items` are carried out; "" for none.

    It names the nodes that leave the Swarm, nodes that the inventory has lost, and containers that
    would be removed.
    """
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
    """Return the names of our nodes in the Swarm that the inventory lacks; "" up to `SHARE`."""
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
