"""What is known of who may log in, and since when: root's files, each written whole.

Passwords are never in it. Times are of CLOCK_BOOTTIME, which nobody sets.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from logins.members import Member, Members

FOLDER = Path("/run/logins-skp")
SECONDS = 300
"""How long what was known counts while nothing newer is heard."""


@dataclass(frozen=True)
class State:
    """What was heard last.

    Attributes:
        at: when. members: who may log in.
        known: the user ids of all who ever might, in this container.
    """

    at: float
    members: Members
    known: frozenset[int]

    def is_fresh(self, at: float) -> bool:
        """Whether it still counts. (What is later than now is of before a node's start.)"""
        return 0 <= at - self.at <= SECONDS

    def find(self, name: str, at: float) -> Member | None:
        """Return who has that name and may log in, as far as that is known."""
        return self.members.find(name) if self.is_fresh(at) else None


def now() -> float:
    """Return the time, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def read(folder: Path = FOLDER) -> State | None:
    """Return what was heard last; None for nothing, or nothing that can be read."""
    try:
        said = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        every = tuple(Member(m["name"], m["uid"], tuple(m["keys"])) for m in said["members"])
        return State(said["at"], Members(said["gid"], every), frozenset(said["known"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(found: State, folder: Path = FOLDER) -> None:
    """Keep what was heard."""
    said = {
        "at": found.at,
        "gid": found.members.gid,
        "members": [asdict(each) for each in found.members.every],
        "known": sorted(found.known),
    }
    replace(folder / "state.json", json.dumps(said), 0o600)


def replace(path: Path, text: str, mode: int) -> None:
    """Write a file so that whoever reads it finds the old or the new one."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
    beside.replace(path)
