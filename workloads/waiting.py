"""Waiting until a deployment works, has no place, or has failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workloads.phases import PENDING, RUNNING, Row, failures, rows, why
from workloads.store import Found, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PAUSE = 0.5  # seconds between two looks
_NO_PLACE = 3  # seconds that it may take to be given a node
_TRIES = 3  # of a container that ends by itself
_WENT_BACK = ("rollback_started", "rollback_completed", "rollback_paused", "paused")


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
    store: Store, of: str, revision: int, seconds: float, say: Callable[[str], None]
) -> Outcome:
    """Wait until all containers of a revision run, or wait for a place, or one has failed.

    Args:
        seconds: the deadline. say: is told what is waited for.
    """
    ends, pending, said = time.monotonic() + seconds, time.monotonic(), ""
    while True:
        services, tasks = store.services(of), store.tasks()
        found = tuple(rows(services, tasks, store.nodes()))
        if failed := _failed(services, tasks, revision):
            return Outcome(found, *failed)
        waits = [row for row in found if row.phase != RUNNING or row.revision != revision]
        if not any(row.phase == PENDING for row in waits):
            pending = time.monotonic()
        if not waits or (_have_no_place(waits) and time.monotonic() - pending > _NO_PLACE):
            return Outcome(found)
        if time.monotonic() > ends:
            names = ", ".join(f"{row.piece.name} ({row.phase})" for row in waits)
            return Outcome(found, (f"not running within {seconds:.0f} s: {names}",), waits[0].task)
        text = f"{of}: {len(found) - len(waits)} of {len(found)} containers run"
        if text != said:
            say(text)
            said = text
        threading.Event().wait(_PAUSE)


def _have_no_place(waits: Sequence[Row]) -> bool:
    return all(row.phase == PENDING and row.reasons for row in waits)


def _failed(
    services: Sequence[Found], tasks: Sequence[Mapping[str, Any]], revision: int
) -> tuple[tuple[str, ...], str] | None:
    """Return why it failed, and the task that did; None where nothing has."""
    for service in services:
        own = [task for task in tasks if task.get("ServiceID") == service.id]
        bad = failures(own)
        last = f": {why(bad[-1])}" if bad else ""
        task = bad[-1]["ID"] if bad else ""
        if service.update in _WENT_BACK:
            what = "the new revision does not work, and the one before it serves on"
            return (f"{service.piece.name}: {what}{last}",), task
        new = service.revision == revision and not service.update
        if new and len(bad) >= _TRIES and _is_down(own):
            return (f"{service.piece.name}: it ended {len(bad)} times{last}",), task
    return None


def _is_down(tasks: Sequence[Mapping[str, Any]]) -> bool:
    return not any(task["Status"]["State"] == "running" for task in tasks)
