"""The items about the digests of record: what runs and has none is recorded. Pure."""

from __future__ import annotations

from cluster.config.inventory import Inventory
from cluster.model.admission import adopted, recorded
from cluster.model.answer import Unanswered
from cluster.model.item import Blocked, Difference, Item, Kind
from cluster.model.state import State
from cluster.operations.digests import RecordRunning


def plan_digests(inventory: Inventory, state: State) -> list[Item]:
    """Return what records the digests that run and have no record, or why none can be known."""
    if state.swarm is None:
        return []
    known = recorded(state)
    if isinstance(known, Unanswered):
        hint = "./skp.py docker.image-admit IMAGE:TAG begins a new one; what runs is kept."
        return [Blocked(Kind.INTENT, state.swarm.via, "digests", known.why, hint)]
    found = adopted(inventory, state)
    differences = tuple(Difference(name, digest, None) for name, digest in found.items())
    return [RecordRunning(state.swarm.via, found, differences)] if found else []
