"""What of a push is allowed, by the names of its references alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NOTHING = re.compile("0+")
_PART = r"[A-Za-z0-9_][A-Za-z0-9._+-]*"
_NAME = re.compile(rf"refs/(heads|tags)/{_PART}(/{_PART})*")


class RefusedError(Exception):
    """The push is refused; the text says why."""


@dataclass(frozen=True)
class Update:
    """A reference before and after."""

    old: str
    new: str
    name: str

    @property
    def is_new(self) -> bool:
        """Whether it was not there before."""
        return bool(NOTHING.fullmatch(self.old))

    @property
    def is_removal(self) -> bool:
        """Whether it is gone afterwards."""
        return bool(NOTHING.fullmatch(self.new))


def parsed(lines: Iterable[str]) -> list[Update]:
    """Return what git says on a hook's standard input (githooks(5), pre-receive).

    Raises:
        RefusedError: a name is none that we keep.
    """
    found = [Update(*line.split(maxsplit=2)) for line in (each.rstrip("\n") for each in lines)]
    for each in found:
        if not _NAME.fullmatch(each.name):
            what = f"{each.name!a}: branches and tags are kept, of letters, digits and ._+-/"
            raise RefusedError(what)
    return found


def deploying(updates: Sequence[Update], head: str) -> Update | None:
    """Return the update of the branch that is deployed, None where there is none.

    Args:
        head: that branch, as refs/heads/NAME.

    Raises:
        RefusedError: it would be removed.
    """
    found = next((each for each in updates if each.name == head), None)
    if found and found.is_removal:
        raise RefusedError(f"{head.rpartition('/')[2]} is what is deployed, and is not removed")
    return found


def others(updates: Sequence[Update], head: str) -> list[str]:
    """Return lines about what is kept without a deployment."""
    names = [each.name.split("/", 2)[2] for each in updates if each.name != head]
    branch = head.split("/", 2)[2]
    return [f"{name}: kept; {branch} alone is deployed" for name in names]
