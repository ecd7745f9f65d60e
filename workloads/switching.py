"""The switch at the front door: from what served to what works now, and away from what goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from workloads import naming, ways
from workloads.doors import Doors
from workloads.store import Found, Store
from workloads.wish import Applied


def over(store: Store, doors: Doors, applied: Applied) -> tuple[str, ...]:
    """Have the front doors lead to a revision, and wait until nothing goes to the one before.

    Returns warnings: doors that could not be told, and connections that did not end.

    Raises:
        SkpError: no door could be told. They lead where they led before, or will when they can be.
    """
    names = {found.spec["Name"] for found in applied.before}
    before = store.routes.read()
    had = ways.of(before, names)
    if had == applied.ways:
        return ()
    _lead(store, had, applied)
    try:
        warnings = doors.renew()
    except BaseException:
        store.routes.change(lambda now: ways.replaced(now, applied.ways, had))
        raise
    return (*warnings, *_drained(store, doors, applied.left, applied.drain))


def _lead(store: Store, had: Collection[str], applied: Applied) -> None:
    store.routes.change(lambda now: ways.replaced(now, had, applied.ways))


def _drained(store: Store, doors: Doors, left: Sequence[Found], seconds: float) -> tuple[str, ...]:
    if not left:
        return ()
    network = naming.door_network(left[0].piece.project)
    there = ways.addresses(store.tasks(), {found.id for found in left}, network)
    open_ones = doors.wait_drained(there, seconds)
    if not open_ones:
        return ()
    what = f"{open_ones} connections with the old containers went on after {seconds} s, and end now"
    return (f"{left[0].piece.of}: {what}",)


def away(store: Store, doors: Doors, there: Sequence[Found]) -> None:
    """Have the front doors lead to none of these services, which are to be removed.

    What leads nowhere does no harm: a door that can't be told now is by the next command.
    """
    gone = ways.of(store.routes.read(), {found.spec["Name"] for found in there})
    if gone:
        store.routes.change(lambda now: ways.replaced(now, gone, {}))
        doors.renew()
