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
        operations: of it, the newest first. listed: its containers.
        as_of: when these were seen, in seconds since 1970.
    """

    operations: Sequence[Mapping[str, Any]]
    listed: Sequence[Mapping[str, Any]]
    as_of: float

    @property
    def newest(self) -> Mapping[str, Any] | None:
        """The newest operation; None where there is none."""
        return self.operations[0] if self.operations else None

    @property
    def under_way(self) -> Mapping[str, Any] | None:
        """The newest operation while it goes on."""
        return self.newest if self.newest and self.newest["state"] in UNDER_WAY else None

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Its containers: what was seen before an operation ended is not how that ended."""
        is_old = self.newest and self.as_of < (self.newest["ended"] or 0.0)
        return self.newest["rows"] if self.newest and is_old else self.listed

    @property
    def word(self) -> Word | None:
        """How it is; None where there was never one."""
        newest, rows = self.newest, self.rows
        if newest is None:
            return _of(rows) if rows else None
        if self.under_way and newest["verb"] != "remove":
            return _under_way(newest)
        if rows:
            return _of(rows)
        has_failed = newest["state"] == "failed" and newest["verb"] != "remove"
        return Word.FAILED if has_failed else Word.STOPPED


def _under_way(operation: Mapping[str, Any]) -> Word:
    if operation["state"] == "pending":
        return Word.STARTED
    return Word.BUILDING if operation["phase"].startswith("building") else Word.PREPARING


def _of(rows: Sequence[Mapping[str, Any]]) -> Word:
    phases = {row["phase"] for row in rows}
    return next((found for phase, found in _BY_PHASE if phase in phases), Word.UNKNOWN)
