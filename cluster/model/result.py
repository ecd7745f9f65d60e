"""The results of a plan's items."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cluster.model.item import Item


class Outcome(StrEnum):
    """How an item ended."""

    UNCHANGED = "unchanged"
    PLANNED = "planned"
    DONE = "done"
    BUSY = "busy"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """The result of an item.

    Attributes:
        detail: what was done, or what went wrong; "" for nothing to say.
        hint: what to type next; "" for none.
        seconds: the wall-clock time it took.
    """

    item: Item
    outcome: Outcome
    detail: str = ""
    hint: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.outcome not in (Outcome.FAILED, Outcome.SKIPPED)
