"""How a command behaves towards work in progress, and how it tells what it does."""

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
    """How an operation tells what goes on; none of the cluster's secrets gets through.

    Attributes:
        say: takes a line for the person at the keyboard; not a log.
        mask: hides the cluster's secrets in what containers print.
    """

    say: Say
    mask: Mask = field(default_factory=Mask)

    def hidden(self, text: str) -> str:
        """Return `text` without the cluster's secrets."""
        return self.mask.hide(text.encode()).decode(errors="replace")
