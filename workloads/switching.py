"""The switch at the front door: to what works now, back, and away from what goes."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.errors import SkpError
from cluster.model.route import Route
from workloads import naming, ways
from workloads.doors import Doors
from workloads.store import Found, Store
from workloads.wish import Applied


def over(store: Store, doors: Doors, applied: Applied) -> tuple[str, ...]:
    """Have the front doors lead to a revision; return why some do not.

    Raises:
        SkpError: none could be told. They lead where they led before, or will when they can be.
    """
    had = _led(store, applied)
    if had == applied.ways:
        # (A command that was killed may have written them, and told no door.)
        return _told(doors) if had else ()
    try:
        store.routes.change(lambda now: ways.replaced(now, had, applied.ways))
        # (Names that are given up do no harm where a door still knows them.)
        return tuple(doors.renew()) if applied.ways else _told(doors)
    except BaseException:
        store.routes.change(lambda now: ways.replaced(now, applied.ways, had))
        # (One that was told, and could not say so, leads back.)
        _told(doors)
        raise


def _led(store: Store, applied: Applied) -> dict[str, Route]:
    """Return the routes to what was there before; another command may have changed them since."""
    return ways.of(store.routes.read(), {found.spec["Name"] for found in applied.before})


def drained(store: Store, doors: Doors, applied: Applied) -> tuple[str, ...]:
    """Wait until no connection of a door goes to what a revision has left; tell what goes on."""
    if not applied.left or not applied.led:
        return ()
    of, network = applied.of, naming.door_network(applied.left[0].piece.project)
    try:
        there = ways.addresses(store.tasks(), {found.id for found in applied.left}, network)
        open_ones = doors.wait_drained(there, applied.drain)
    except SkpError as error:
        # (The doors lead to the new one already: there is no way back any more.)
        return (f"{of}: what still goes to the old containers is not known: {error.what}",)
    if not open_ones:
        return ()
    told = f"{open_ones} connections with the old containers went on after {applied.drain} s"
    return (f"{of}: {told}, and end now",)


def back(store: Store, doors: Doors, applied: Applied) -> None:
    """Have the front doors lead where they led before a revision, if they lead to that."""
    if applied.ways == applied.led:
        return
    now = store.routes.read().by_host
    if any(now.get(host) == route for host, route in applied.ways.items()):
        store.routes.change(lambda now: ways.replaced(now, applied.ways, applied.led))
        _told(doors)


def away(store: Store, doors: Doors, there: Sequence[Found]) -> None:
    """Have the front doors lead to none of these services, which are to be removed.

    What leads nowhere does no harm: a door that can't be told now is by the next command.
    """
    gone = ways.of(store.routes.read(), {found.spec["Name"] for found in there})
    if gone:
        store.routes.change(lambda now: ways.replaced(now, gone, {}))
        _told(doors)


def _told(doors: Doors) -> tuple[str, ...]:
    """Have the doors lead where the store says; return why some do not, or none does."""
    try:
        return tuple(doors.renew())
    except SkpError as error:
        return (f"no front door knows it yet: {error.what}",)
