"""How a cluster lays out its data, and the folders that it needs: values. Decision 13.

Users' data and the platform's are two trees, $SKP_HOME/volume and $SKP_PLATFORM. A cluster that an
earlier version made has one: it stays as it is until a person agrees to have its data moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MARKER = ".skp"
"""A file at the top of the platform's tree: equal on all nodes that see the same file system."""
DONE = ".moved"
"""A file beside it that says, once the folders were handed over, to whom."""
LEFT = "MOVED.txt"
"""A file that an old place is left with: where its data went."""
USERS, BASE = 58000, 58010
"""User ids where no setting says others: that of users' code, and the platform's, before theirs."""


class Layout(IntEnum):
    """How data, user ids and listeners are laid out."""

    ONE_TREE = 1
    """As before version 0.4: one tree, one user id, ports at all of a node's addresses."""
    TWO_TREES = 2


def holds(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path == folder or path.startswith(f"{folder}/")


@dataclass(frozen=True)
class Folder:
    """A folder that is made where its file system is, since on other nodes root is nobody.

    Attributes:
        path: absolute.
        owner: "UID:GID", which its content has too where `mode` keeps others out of it.
        mode: its permissions.
    """

    path: str
    owner: str
    mode: int

    @property
    def signature(self) -> str:
        """What a probe finds where it is as it should be."""
        return f"{self.owner} {self.mode:o} directory"


@dataclass(frozen=True)
class Move:
    """Data of the platform that an earlier version kept among the users'.

    Attributes:
        old, new: absolute paths of a folder, or of a file.
    """

    old: str
    new: str
