"""The switch at the front door: from what served to what works now, and away from what goes."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.errors import SkpError
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
    had = ways.of(store.routes.read(), names)
    if had == applied.ways:
        # (A command that was killed may have written them, and told no door.)
        return _told(doors) if had else ()
    try:
        store.routes.change(lambda now: ways.replaced(now, had, applied.ways))
        # (Names that are given up do no harm where a door still knows them.)
        warnings = tuple(doors.renew()) if applied.ways else _told(doors)
    except BaseException:
        store.routes.change(lambda now: ways.replaced(now, applied.ways, had))
        # (One that was told, and could not say so, leads back.)
        _told(doors)
        raise
    return (*warnings, *_drained(store, doors, applied.left, applied.drain))


def _told(doors: Doors) -> tuple[str, ...]:
    """Have the doors lead where the store says; return why some do not, or none does."""
    try:
        return tuple(doors.renew())
    except SkpError as error:
        return (f"no front door knows it yet: {error.what}",)


def _drained(store: Store, doors: Doors, left: Sequence[Found], seconds: float) -> tuple[str, ...]:
    if not left:
        return ()
    of, network = left[0].piece.of, naming.door_network(left[0].piece.project)
    try:
        there = ways.addresses(store.tasks(), {found.id for found in left}, network)
        open_ones = doors.wait_drained(there, seconds)
    except SkpError as error:
        # (The doors lead to the new one already: there is no way back any more.)
        return (f"{of}: what still goes to the old containers is not known: {error.what}",)
    if not open_ones:
        return ()
    what = f"{open_ones} connections with the old containers went on after {seconds} s, and end now"
    return (f"{of}: {what}",)


def away(store: Store, doors: Doors, there: Sequence[Found]) -> None:
    """Have the front doors lead to none of these services, which are to be removed.

    What leads nowhere does no harm: a door that can't be told now is by the next command.
    """
    gone = ways.of(store.routes.read(), {found.spec["Name"] for found in there})
    if gone:
        store.routes.change(lambda now: ways.replaced(now, gone, {}))
        _told(doors)
