"""How a command treats containers that are at work, and how it reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from cluster.model.redaction import Mask

Say = Callable[[str], None]


class Busy(StrEnum):
    """What is done about a container that is at work when it is to be replaced."""

    SKIP = "skip"
    WAIT = "wait"
    REPLACE = "replace"


@dataclass(frozen=True)
class Progress:
    """How an operation reports its progress, without the cluster's secrets.

    Attributes:
        say: takes a line for the person at the keyboard.
        mask: hides the cluster's secrets in what containers print.
    """

    say: Say
    mask: Mask = field(default_factory=Mask)

    def hidden(self, text: str) -> str:
        """Return `text` without the cluster's secrets."""
        return self.mask.hide(text.encode()).decode(errors="replace")
