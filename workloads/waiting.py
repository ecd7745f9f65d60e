"""Waiting until a deployment works, has no place, or has failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workloads.phases import PENDING, RUNNING, Row, failures, rows, why
from workloads.store import Found, Store
from workloads.wish import Applied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PAUSE = 0.5  # seconds between two looks
_NO_PLACE = 3  # seconds that it may take to be given a node
_TRIES = 3  # of a container that ends by itself
WENT_BACK = ("rollback_started", "rollback_completed", "rollback_paused", "paused")
"""What the engine says of an update that did not work."""


@dataclass(frozen=True)
class Outcome:
    """How it ended.

    Attributes:
        rows: its containers. failed: why it failed, each a sentence; () where it did not.
        task: the id of the task that failed last; "" for none.
    """

    rows: tuple[Row, ...]
    failed: tuple[str, ...] = ()
    task: str = ""


def wait(
    store: Store,
    applied: Applied,
    names: Sequence[str],
    seconds: float,
    say: Callable[[str], None],
) -> Outcome:
    """Wait until all containers of a revision run, or wait for a place, or one has failed.

    Args:
        applied: what was done; where nothing was, what became of an earlier update is no matter.
        names: the inventory's. seconds: the deadline. say: is told what is waited for.
    """
    ends, pending, said = time.monotonic() + seconds, time.monotonic(), ""
    of, revision, is_new = applied.of, applied.revision, applied.reserved is not None
    going, works_since = {found.id for found in applied.left}, 0.0
    while True:
        services = [found for found in store.services(of) if found.id not in going]
        tasks = store.tasks()
        found = tuple(rows(services, tasks, store.nodes(), names))
        if not services:
            return Outcome((), (f"{of}: it is gone: somebody has removed it",))
        if failed := _failed(services, tasks, applied):
            return Outcome(found, *failed)
        waits = [row for row in found if row.phase != RUNNING or row.revision != revision]
        going_on = [each for each in services if is_new and each.update == "updating"]
        if not any(row.phase == PENDING for row in waits):
            pending = time.monotonic()
        now = time.monotonic()
        works_since = (works_since or now) if not waits and not going_on else 0.0
        if _have_no_place(waits) and now - pending > _NO_PLACE:
            # (What serves meanwhile is not to end for what waits.)
            return Outcome(found, _no_place_beside(waits) if applied.steady else ())
        if works_since and now - works_since >= applied.steady:
            return Outcome(found)
        if time.monotonic() > ends:
            late = ", ".join(f"{row.piece.name} ({row.phase})" for row in waits or found)
            last = (waits or found)[0].task
            return Outcome(found, (f"not running within {seconds:.0f} s: {late}",), last)
        text = f"{of}: {len(found) - len(waits)} of {len(found)} containers run"
        if text != said:
            say(text)
            said = text
        threading.Event().wait(_PAUSE)


def _have_no_place(waits: Sequence[Row]) -> bool:
    return bool(waits) and all(row.phase == PENDING and row.reasons for row in waits)


def _no_place_beside(waits: Sequence[Row]) -> tuple[str, ...]:
    first = waits[0]
    what = f"{first.piece.name}: there is no place for it beside the one that serves"
    why = "; ".join(first.reasons)
    return (f"{what}, which goes on ({why}); with update: order: stop-first that ends first",)


def _failed(
    services: Sequence[Found], tasks: Sequence[Mapping[str, Any]], applied: Applied
) -> tuple[tuple[str, ...], str] | None:
    """Return why it failed, and the task that did; None where nothing has."""
    is_new, revision = applied.reserved is not None, applied.revision
    # (Where another serves meanwhile, one failure is enough, as it is for the engine's updates.)
    most = 1 if applied.steady else _TRIES
    for service in services:
        own = [task for task in tasks if task.get("ServiceID") == service.id]
        bad = failures(own)
        last = f": {why(bad[-1])}" if bad else ""
        task = bad[-1]["ID"] if bad else ""
        if is_new and service.update in WENT_BACK:
            what = "the new revision does not work, and the one before it serves on"
            return (f"{service.piece.name}: {what}{last}",), task
        new = service.revision == revision and not service.update
        if new and len(bad) >= most and _is_down(own):
            times = "once" if len(bad) == 1 else f"{len(bad)} times"
            return (f"{service.piece.name}: it ended {times}{last}",), task
    return None


def _is_down(tasks: Sequence[Mapping[str, Any]]) -> bool:
    return not any(task["Status"]["State"] == "running" for task in tasks)
