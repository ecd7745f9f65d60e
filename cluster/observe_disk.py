"""What a node has that its engine does not know of, asked by one shell command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cluster import notes as beginnings
from cluster import secrets
from cluster.node import Node
from cluster.plan_files import answer, question
from cluster.secrets import Kept
from cluster.spec import NodeFile

KEPT = "/var/lib/skp/secrets.env"
"""On every manager: the generated secrets, readable by root alone."""
_OWNER, _KEPT, _GPU = "owner:", "kept:", "gpu:"


@dataclass(frozen=True)
class Disk:
    """What was found.

    Attributes:
        owner: "UID:GID" of the shared folder; "" when it is not there.
        files: signatures of the files that are wanted, by path.
        kept: the generated secrets that are kept here.
        gpus: how many GPUs the kernel shows.
        notes: the beginnings of the files that services asked for, by path.
    """

    owner: str
    files: Mapping[str, str]
    kept: Kept
    gpus: int
    notes: Mapping[str, str]


def disk(node: Node, home: str, files: Sequence[NodeFile], notes: Sequence[str] = ()) -> Disk:
    """Return what `node` has of the shared folder `home`, of `files`, of secrets and of GPUs.

    Of the paths in `notes` it returns what the files there begin with.

    NVIDIA's driver lists the GPUs in /proc; the devices may be made later, when one is first used.
    sudo is asked only where there are secrets, or where that can't be seen: it is slow.
    """
    folder = shlex.quote(str(PurePosixPath(KEPT).parent))
    text = node.run(
        # A file server that is gone would hang it, and with it the whole look at the node.
        f"timeout -s KILL 5 stat -c {_OWNER}%u:%g -- {shlex.quote(home)} 2>/dev/null\n"
        f"{question(files)}\n"
        f"{beginnings.question(notes)}\n"
        f"for found in /dev/nvidia[0-9]* /proc/driver/nvidia/gpus/*; do "
        f'[ ! -e "$found" ] || echo {_GPU}"$found"; done\n'
        f"if [ -e {KEPT} ] || {{ [ -d {folder} ] && [ ! -x {folder} ]; }}; then "
        f"echo {_KEPT}; sudo -n cat {KEPT} 2>/dev/null; fi; true"
    ).text
    lines, _, kept = text.partition(f"{_KEPT}\n")
    owner = [line for line in lines.splitlines() if line.startswith(_OWNER)]
    gpus = [line.removeprefix(_GPU) for line in lines.splitlines() if line.startswith(_GPU)]
    devices = sum(path.startswith("/dev/") for path in gpus)
    return Disk(
        owner[0].removeprefix(_OWNER) if owner else "",
        answer(lines),
        _read(kept),
        max(devices, len(gpus) - devices),
        beginnings.answer(lines),
    )


def _read(text: str) -> Kept:
    try:
        return secrets.read(text) if text.strip() else Kept()
    except ValueError:
        return Kept()  # a copy that is damaged counts as none: it is written anew
