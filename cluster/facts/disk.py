"""What a node has that its engine does not know of, asked by one shell command."""

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
"""Beside them, for all to read: which ones they are (`StoredSecrets.mark`), and the file's
stamp."""
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
        marker_files: the files of the nodes' own whose beginnings are wanted, by path.
    """

    home: str
    files: Sequence[NodeFile]
    known: StoredSecrets
    marker_files: Sequence[str] = ()


@dataclass(frozen=True)
class Disk:
    """What was found.

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
    """Return what `node` has of the shared folder, of files, of secrets and of GPUs.

    NVIDIA's driver lists the GPUs in /proc; the devices may be made later, when one is first used.
    sudo is asked only where there are other secrets, or where that can't be seen: it is slow.
    """
    folder, mark = shlex.quote(str(PurePosixPath(SECRETS_FILE).parent)), question.known.mark
    text = node.run(
        # A file server that is gone would hang it, and with it the whole look at the node.
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
        return StoredSecrets()  # a copy that is damaged counts as none: it is written anew
