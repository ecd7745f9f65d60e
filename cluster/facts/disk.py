"""What a node has that its engine does not know of, asked by one shell command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cluster.config import secrets
from cluster.config.secrets import Kept
from cluster.connectors.node import Node
from cluster.facts import markers as notes
from cluster.model.spec import NodeFile
from cluster.plan import files as plan_files

KEPT = "/var/lib/skp/secrets.env"
"""On every manager: the generated secrets, readable by root alone."""
MARK = f"{KEPT}.mark"
"""Beside them, for all to read: which ones they are (`Kept.mark`), and the file's stamp."""
STAMP = "stat -c '%s %Y %i'"
"""A shell command that tells a file from another of the same name."""
_OWNER, _KEPT, _SAME, _GPU = "owner:", "kept:", "same:", "gpu:"


@dataclass(frozen=True)
class Question:
    """What is to be looked for.

    Attributes:
        home: the shared folder.
        files: the files that every node is to have on its own disk.
        known: the secrets that the asker has: what a node keeps is not read if it is the same.
        notes: the files of the nodes' own whose beginnings are wanted, by path.
    """

    home: str
    files: Sequence[NodeFile]
    known: Kept
    notes: Sequence[str] = ()


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


def disk(node: Node, question: Question) -> Disk:
    """Return what `node` has of the shared folder, of files, of secrets and of GPUs.

    NVIDIA's driver lists the GPUs in /proc; the devices may be made later, when one is first used.
    sudo is asked only where there are other secrets, or where that can't be seen: it is slow.
    """
    folder, mark = shlex.quote(str(PurePosixPath(KEPT).parent)), question.known.mark
    text = node.run(
        # A file server that is gone would hang it, and with it the whole look at the node.
        f"timeout -s KILL 5 stat -c {_OWNER}%u:%g -- {shlex.quote(question.home)} 2>/dev/null\n"
        f"{plan_files.question(question.files)}\n"
        f"{notes.question(question.notes)}\n"
        f"for found in /dev/nvidia[0-9]* /proc/driver/nvidia/gpus/*; do "
        f'[ ! -e "$found" ] || echo {_GPU}"$found"; done\n'
        f"if [ -e {KEPT} ] || {{ [ -d {folder} ] && [ ! -x {folder} ]; }}; then "
        f"{{ read -r mark <{MARK}; }} 2>/dev/null\n"
        f'if [ "$mark" = "{mark} $({STAMP} {KEPT} 2>/dev/null)" ]; then echo {_SAME}; '
        f"else echo {_KEPT}; sudo -n cat {KEPT} 2>/dev/null; fi; fi; true"
    ).text
    lines, _, kept = text.partition(f"{_KEPT}\n")
    owner = [line for line in lines.splitlines() if line.startswith(_OWNER)]
    gpus = [line.removeprefix(_GPU) for line in lines.splitlines() if line.startswith(_GPU)]
    devices = sum(path.startswith("/dev/") for path in gpus)
    return Disk(
        owner[0].removeprefix(_OWNER) if owner else "",
        plan_files.answer(lines, question.files),
        question.known if _SAME in lines.splitlines() else _read(kept),
        max(devices, len(gpus) - devices),
        notes.answer(lines),
    )


def _read(text: str) -> Kept:
    try:
        return secrets.read(text) if text.strip() else Kept()
    except ValueError:
        return Kept()  # a copy that is damaged counts as none: it is written anew
