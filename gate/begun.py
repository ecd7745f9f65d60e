"""What an operation found before it began: by this the next start of the gate goes on with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.config import whole_file

_NAME = "begun.json"


@dataclass(frozen=True)
class Begun:
    """What was there.

    Attributes:
        of: the deployment, "project/name". before: its revision; 0 for none.
        last: the newest revision that was kept of it; 0 for none.
        to: of a rollback, the revision that it goes back to.
    """

    of: str
    before: int
    last: int
    to: int = 0


def read(folder: Path) -> Begun | None:
    """Return what an operation found; None where it has begun nothing."""
    try:
        return Begun(**json.loads((folder / _NAME).read_text()))
    except FileNotFoundError:
        return None


def keep(folder: Path, found: Begun) -> Begun:
    """Note what an operation found, and return it."""
    whole_file.write(folder / _NAME, folder / f"{_NAME}.new", json.dumps(asdict(found)), 0o640)
    return found
