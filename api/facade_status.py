"""How a service is, in the words of TANGO's manager: from what the gate tells of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Word(StrEnum):
    """How a service is."""

    STARTED = "started"
    BUILDING = "building"
    PREPARING = "preparing"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


THERE = frozenset({Word.STARTED, Word.BUILDING, Word.PREPARING, Word.RUNNING})
"""A service that is so is not started once more."""
UNDER_WAY = frozenset({"pending", "running"})
"""States of an operation that goes on."""
# By how a container is (workloads/phases.py), the first one that any has.
_BY_PHASE = (
    ("Failed", Word.FAILED),
    ("Pending", Word.PREPARING),
    ("Starting", Word.PREPARING),
    ("Running", Word.RUNNING),
    ("Ended", Word.COMPLETED),
)


@dataclass(frozen=True)
class Seen:
    """What the gate tells of a deployment.

    Attributes:
        newest: its newest operation; None where there is none. rows: its containers.
        unknown: why these are not known; "" where they are.
    """

    newest: Mapping[str, Any] | None
    rows: Sequence[Mapping[str, Any]]
    unknown: str = ""

    @property
    def under_way(self) -> Mapping[str, Any] | None:
        """The newest operation while it goes on."""
        return self.newest if self.newest and self.newest["state"] in UNDER_WAY else None

    @property
    def word(self) -> Word | None:
        """How it is; None where there was never one."""
        removes = self.newest and self.newest["verb"] == "remove"
        if self.under_way and not removes:
            return _under_way(self.under_way)
        if self.unknown:
            return Word.UNKNOWN
        now = _of(self.rows) if self.rows else None
        if self.newest is None:
            return now
        # (What could not be started stays, to be looked at.)
        if self.newest["state"] == "failed" and not removes and now is not Word.RUNNING:
            return Word.FAILED
        return now or Word.STOPPED


def _under_way(operation: Mapping[str, Any]) -> Word:
    if operation["state"] == "pending":
        return Word.STARTED
    return Word.BUILDING if operation["phase"].startswith("building") else Word.PREPARING


def _of(rows: Sequence[Mapping[str, Any]]) -> Word:
    phases = {row["phase"] for row in rows}
    return next((found for phase, found in _BY_PHASE if phase in phases), Word.UNKNOWN)
