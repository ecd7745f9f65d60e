"""What a node has on its own disks, asked by one shell command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cluster import secrets
from cluster.node import Node
from cluster.plan_files import answer, question
from cluster.secrets import Kept
from cluster.spec import NodeFile

KEPT = "/var/lib/skp/secrets.env"
"""On every manager: the generated secrets, readable by root alone."""
_OWNER, _KEPT = "owner:", "kept:"


@dataclass(frozen=True)
class Disk:
    """What was found.

    Attributes:
        owner: "UID:GID" of the shared folder; "" when it is not there.
        files: signatures of the files that are wanted, by path.
        kept: the generated secrets that are kept here.
    """

    owner: str
    files: Mapping[str, str]
    kept: Kept


def disk(node: Node, home: str, files: Sequence[NodeFile]) -> Disk:
    """Return what `node` has of the shared folder `home`, of `files`, and of secrets.

    sudo is asked only where there are secrets, or where that can't be seen: it is slow.
    """
    folder = shlex.quote(str(PurePosixPath(KEPT).parent))
    text = node.run(
        f"stat -c {_OWNER}%u:%g -- {shlex.quote(home)} 2>/dev/null\n{question(files)}\n"
        f"if [ -e {KEPT} ] || {{ [ -d {folder} ] && [ ! -x {folder} ]; }}; then "
        f"echo {_KEPT}; sudo -n cat {KEPT} 2>/dev/null; fi; true"
    ).text
    lines, _, kept = text.partition(f"{_KEPT}\n")
    owner = [line for line in lines.splitlines() if line.startswith(_OWNER)]
    return Disk(owner[0].removeprefix(_OWNER) if owner else "", answer(lines), _read(kept))


def _read(text: str) -> Kept:
    try:
        return secrets.read(text) if text.strip() else Kept()
    except ValueError:
        return Kept()  # a copy that is damaged counts as none: it is written anew
