"""The order of operations: what each waits for, and which can go at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from cluster.model.item import Item, Kind

I = TypeVar("I", bound=Item)  # noqa: E741


def needed(item: Item, items: Iterable[Item]) -> list[Item]:
    """Return the items that `item` has to wait for.

    Of each service in `after`: the one on the same node if there is one there (a registry), else
    all of them (a database). Of its own service: those of lower start phases, and those whose
    order is before. Of removals: those that it says itself.
    """
    every = list(items)
    items = [other for other in every if not other.is_removal]
    own = [i for i in items if i.service == item.service]
    waiting = [i for i in own if i.start_phase < item.start_phase or 0 < i.order < item.order]
    for service in item.after:
        theirs = [i for i in items if i.service == service]
        waiting += [i for i in theirs if i.node == item.node] or theirs
    return waiting + [other for other in every if other.is_removal and item.waits_for(other)]


def waves(items: Iterable[I]) -> list[list[I]]:
    """Return the items to be carried out, in waves: each wave begins when the one before has ended.

    Waves follow the order of `Kind`; within a kind removals come first, then the services that
    others name in `after`, then lower start phases, then lower orders. Removals go in the opposite
    direction: what comes after others is removed before them.

    Raises:
        AssertionError: services wait for each other in a circle, which is a fault of theirs.
    """
    kinds, items = list(Kind), list(items)
    depth = _depths(items)
    ranked: dict[tuple[int, ...], list[I]] = {}
    for item in items:
        if item.is_action:
            level = depth.get(item.service, 0)
            place = (0, -level) if item.is_removal else (1, level)
            rank = (kinds.index(item.kind), *place, item.start_phase, item.order)
            ranked.setdefault(rank, []).append(item)
    return [ranked[rank] for rank in sorted(ranked)]


def _depths(items: Sequence[Item]) -> dict[str, int]:
    """Return for each service the length of the longest chain of services that come before it."""
    needs: dict[str, set[str]] = {}
    for item in items:
        if item.service:
            needs.setdefault(item.service, set()).update(item.after, item.goes_before)
    depth: dict[str, int] = {}

    def visit(service: str, path: tuple[str, ...]) -> int:
        assert service not in path, f"services wait for each other: {' -> '.join(path)}"
        if service not in depth:
            below = [visit(s, (*path, service)) for s in needs.get(service, ()) if s in needs]
            depth[service] = 1 + max(below, default=-1)
        return depth[service]

    for service in needs:
        visit(service, ())
    return depth
