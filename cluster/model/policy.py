"""How a command treats containers that are at work, and how it reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from cluster.model.item import Item
from cluster.model.redaction import Mask
from cluster.model.result import Result

Say = Callable[[str], None]
BYTES = "B"


class Busy(StrEnum):
    """What is done about a container that is at work when it is to be replaced."""

    SKIP = "skip"
    WAIT = "wait"
    REPLACE = "replace"


@dataclass(frozen=True)
class Amount:
    """How much of an operation is done.

    Attributes:
        doing: the word for it, e.g. "pulling".
        done, total: in `unit`; a total of 0 is not known.
        unit: BYTES, or the word for what is counted.
    """

    doing: str
    done: int
    total: int = 0
    unit: str = BYTES

    def __str__(self) -> str:
        if self.unit != BYTES:
            return f"{self.doing} {self.done} of {self.total} {self.unit}"
        done, whole = self.done / 1e6, self.total / 1e6
        digits = 1 if max(done, whole) < 10 else 0
        known = f" of {whole:.{digits}f}" if self.total else ""
        return f"{self.doing} {done:.{digits}f}{known} MB"


class Watch(Protocol):
    """Sees operations as they go; the threads of all nodes call it."""

    def begun(self, item: Item) -> None:
        """Hear that an operation begins."""

    def moved(self, item: Item, amount: Amount) -> None:
        """Hear how much of it is done."""

    def ended(self, result: Result) -> None:
        """Hear how it ended."""


@dataclass(frozen=True)
class Progress:
    """How an operation reports its progress, without the cluster's secrets.

    Attributes:
        say: takes a line for the person at the keyboard.
        mask: hides the cluster's secrets in what containers print.
        watch: sees operations as they go; None where only their beginnings are told, by `say`.
        about: the operation whose progress it is; None for none in particular.
    """

    say: Say
    mask: Mask = field(default_factory=Mask)
    watch: Watch | None = None
    about: Item | None = None

    def begin(self, item: Item) -> Progress:
        """Tell that an operation begins, and return how it reports its own progress."""
        if self.watch:
            self.watch.begun(item)
        else:
            self.say(f"{item.node}: {item.describe()}")
        return replace(self, about=item)

    def moved(self, amount: Amount) -> None:
        """Tell how much of the operation is done."""
        if self.watch and self.about:
            self.watch.moved(self.about, amount)

    def end(self, result: Result) -> Result:
        """Tell how an operation ended, and return that."""
        if self.watch:
            self.watch.ended(result)
        return result

    def hidden(self, text: str) -> str:
        """Return `text` without the cluster's secrets."""
        return self.mask.hide(text.encode()).decode(errors="replace")
