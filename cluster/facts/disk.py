"""What a node has outside of its engine: folders, files, secrets, GPUs; one shell command asks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cluster.config import secrets
from cluster.config.secrets import StoredSecrets
from cluster.connectors.node import Node
from cluster.facts import files, markers
from cluster.model.spec import NodeFile

SECRETS_FILE = "/var/lib/skp/secrets.env"
"""On every manager: the generated secrets, readable by root alone."""
SECRETS_MARK = f"{SECRETS_FILE}.mark"
"""Beside it, readable by all: `StoredSecrets.mark` of its content, and the file's stamp."""
STAMP = "stat -c '%s %Y %i'"
"""A shell command whose output changes when a file is replaced."""
_OWNER, _KEPT, _SAME, _GPU = "owner:", "kept:", "same:", "gpu:"


@dataclass(frozen=True)
class Question:
    """What is asked of a node's disk.

    Attributes:
        home: the path of the shared folder.
        files: the files that every node is to have on its own disk.
        known: the secrets that this machine has; a node's own are read only if they differ.
        marker_files: the paths of small files whose beginnings are wanted.
    """

    home: str
    files: Sequence[NodeFile]
    known: StoredSecrets
    marker_files: Sequence[str] = ()


@dataclass(frozen=True)
class Disk:
    """What a node has.

    Attributes:
        owner: "UID:GID" of the shared folder; "" when it is not there.
        files: signatures of the files that are wanted, by path.
        secrets: the generated ones that are stored here.
        gpus: how many GPUs the kernel shows.
        marker_files: the beginnings of the files that services asked for, by path.
    """

    owner: str
    files: Mapping[str, str]
    secrets: StoredSecrets
    gpus: int
    marker_files: Mapping[str, str]


def disk(node: Node, question: Question) -> Disk:
    """Return what `node` has on its disk.

    NVIDIA's driver lists the GPUs in /proc; their devices may be made only when one is first used.
    sudo, which is slow, runs only where the stored secrets differ or can't be compared (decision
    34).
    """
    folder, mark = shlex.quote(str(PurePosixPath(SECRETS_FILE).parent)), question.known.mark
    text = node.run(
        # stat would hang on a file server that is gone, and the whole command with it.
        f"timeout -s KILL 5 stat -c {_OWNER}%u:%g -- {shlex.quote(question.home)} 2>/dev/null\n"
        f"{files.probe_script(question.files)}\n"
        f"{markers.probe_script(question.marker_files)}\n"
        f"for found in /dev/nvidia[0-9]* /proc/driver/nvidia/gpus/*; do "
        f'[ ! -e "$found" ] || echo {_GPU}"$found"; done\n'
        f"if [ -e {SECRETS_FILE} ] || {{ [ -d {folder} ] && [ ! -x {folder} ]; }}; then "
        f"{{ read -r mark <{SECRETS_MARK}; }} 2>/dev/null\n"
        f'if [ "$mark" = "{mark} $({STAMP} {SECRETS_FILE} 2>/dev/null)" ]; then echo {_SAME}; '
        f"else echo {_KEPT}; sudo -n cat {SECRETS_FILE} 2>/dev/null; fi; fi; true"
    ).text
    lines, _, kept = text.partition(f"{_KEPT}\n")
    owner = [line for line in lines.splitlines() if line.startswith(_OWNER)]
    gpus = [line.removeprefix(_GPU) for line in lines.splitlines() if line.startswith(_GPU)]
    devices = sum(path.startswith("/dev/") for path in gpus)
    return Disk(
        owner[0].removeprefix(_OWNER) if owner else "",
        files.parse_probe(lines, question.files),
        question.known if _SAME in lines.splitlines() else _read(kept),
        max(devices, len(gpus) - devices),
        markers.parse_probe(lines),
    )


def _read(text: str) -> StoredSecrets:
    try:
        return secrets.parse(text) if text.strip() else StoredSecrets()
    except ValueError:
        return StoredSecrets()  # a damaged copy counts as none, and is written again
