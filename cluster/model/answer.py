"""What was asked and not answered: it is unknown, which is never the same as absent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unanswered:
    """A question about a node that had no whole answer; what depends on it is blocked by name.

    Attributes:
        why: a clause for messages, e.g. "whose /srv/volume is was not answered within 5 s".
    """

    why: str


class Damaged(Unanswered):
    """What was read whole and is of no known form: it may be replaced, if another copy is whole."""
