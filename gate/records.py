"""What the gate keeps: of each project what is deployed of it, and its pushes.

Each project has a folder in the platform's tree. A file is written as a whole, so that whoever is
killed leaves what was there before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cluster.config import whole_file

ROOT = Path(os.environ.get("SKP_GATE_ROOT", "/var/lib/gate"))
"""The folder of all that the gate keeps."""
KEPT = 200
"""Pushes of a project."""
MOST_LOG = 256 << 10
"""Bytes of a push's log."""
_STATE, _PUSHES = "state.json", "pushes"


@dataclass(frozen=True)
class Brought:
    """What was deployed of a folder.

    Attributes:
        tree: tells its content from others'. of: the deployment, "project/name".
        revision: its number.
    """

    tree: str
    of: str
    revision: int


@dataclass(frozen=True)
class State:
    """What is deployed of a project.

    Attributes:
        commit: which one all of it comes from; "" for none yet.
        folders: by name, those that it has brought.
        running: of what is being brought, by deployment the revision before; 0 for none. None
            where nothing is: who finds something after a start has to take it back.
    """

    commit: str = ""
    folders: Mapping[str, Brought] = field(default_factory=dict)
    running: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Push:
    """A push, or what else a client of the gate had done.

    Attributes:
        when: it began, in seconds since 1970. seconds: how long it took.
        ended: deployed, unchanged, planned, refused, failed, or taken back.
        revisions: by deployment, the number that it has brought.
    """

    id: int
    account: str
    commit: str
    when: float
    seconds: float
    ended: str
    revisions: Mapping[str, int] = field(default_factory=dict)


def state(root: Path, project: str) -> State:
    """Return what is deployed of a project."""
    try:
        said = json.loads((root / project / _STATE).read_text())
    except FileNotFoundError:
        return State()
    folders = {name: Brought(**each) for name, each in said["folders"].items()}
    return State(said["commit"], folders, said["running"])


def keep_state(root: Path, project: str, now: State) -> None:
    """Keep what is deployed of a project."""
    _write(root / project / _STATE, json.dumps(asdict(now)))


def unfinished(root: Path) -> list[str]:
    """Return the projects of which something is still noted as being brought."""
    names = sorted(path.parent.name for path in root.glob(f"*/{_STATE}"))
    return [name for name in names if state(root, name).running is not None]


def next_id(root: Path, project: str) -> int:
    """Return the number of a project's next push."""
    return max(_ids(root / project / _PUSHES), default=0) + 1


def keep_push(root: Path, project: str, push: Push, log: Sequence[str]) -> None:
    """Keep a push with its log, whose middle is left out where it is too long; forget old ones."""
    folder = root / project / _PUSHES
    _write(folder / f"{push.id}.log", bounded("".join(f"{line}\n" for line in log)))
    _write(folder / f"{push.id}.json", json.dumps(asdict(push)))
    for old in sorted(_ids(folder))[:-KEPT]:
        for end in ("json", "log"):
            (folder / f"{old}.{end}").unlink(missing_ok=True)


def bounded(text: str) -> str:
    """Return a text of at most `MOST_LOG` bytes or so: its beginning and its end."""
    if len(text) <= MOST_LOG:
        return text
    half = MOST_LOG // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out)\n{text[-half:]}"


def commits(root: Path, of: str) -> dict[int, str]:
    """Return by revision of a deployment "project/name" the commit that was pushed with it."""
    folder, found = root / of.partition("/")[0] / _PUSHES, dict[int, str]()
    for number in sorted(_ids(folder)):
        with suppress(FileNotFoundError):  # (Old ones are forgotten meanwhile.)
            said = json.loads((folder / f"{number}.json").read_text())
            found |= {n: said["commit"] for name, n in said["revisions"].items() if name == of}
    return found


def parse_push(said: Mapping[str, Any]) -> Push:
    """Return a push as it was kept."""
    return Push(**said)


def _ids(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal()]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    whole_file.write(path, path.with_suffix(".new"), text, 0o640)
