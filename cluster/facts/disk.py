"""What a node has outside of its engine: folders, files, secrets, GPUs; one shell command asks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cluster.config import secrets
from cluster.config.secrets import StoredSecrets
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.facts import files, markers, trees
from cluster.model.answer import Damaged, Unanswered
from cluster.model.files import NodeFile
from cluster.model.layout import Folder, Move
from cluster.model.state import Login, Trees

SECRETS_FILE = "/var/lib/skp/secrets.env"
"""On every manager: the generated secrets, readable by root alone."""
SECRETS_MARK = f"{SECRETS_FILE}.mark"
"""Beside it, readable by all: `StoredSecrets.mark` of its content, and the file's stamp."""
STAMP = "stat -c '%s %Y %i'"
"""A shell command whose output changes when a file is replaced."""
_OWNER, _SILENT, _KEPT, _SAME, _GPU, _END = "owner:", "silent:", "kept:", "same:", "gpu:", "end:"
_OWNER_SECONDS = 5
_MOST_BYTES = 1 << 16  # of stored secrets


@dataclass(frozen=True)
class Question:
    """What is asked of a node's disk.

    Attributes:
        home: the path of the shared folder.
        files: the files that every node is to have on its own disk.
        known: the secrets that this machine has; a node's own are read only if they differ.
        marker_files: the paths of small files whose beginnings are wanted.
        keepers: the nodes that are asked for the secrets they store: managers, and no other.
        folders, moves: the shared folders that are wanted, and the old places of their content.
        remains: the files there that an earlier version may have left.
        maker: the node where the shared folders' file system is, which alone is asked for these.
    """

    home: str
    files: Sequence[NodeFile]
    known: StoredSecrets
    marker_files: Sequence[str] = ()
    keepers: frozenset[str] = frozenset()
    folders: Sequence[Folder] = ()
    moves: Sequence[Move] = ()
    remains: Sequence[str] = ()
    maker: str = ""

    @property
    def shared(self) -> tuple[str, ...]:
        """The folders below which even a look may never end: users', and the platform's."""
        return (self.home, *(folder.path for folder in self.folders[:1]))


@dataclass(frozen=True)
class Disk:
    """What a node has.

    Attributes:
        owner: "UID:GID" of the shared folder; "" when it is not there.
        files: signatures of the files that are wanted, by path.
        secrets: the generated ones that are stored here.
        gpus: how many GPUs the kernel shows.
        marker_files: the beginnings of the files that services asked for, by path.
        unread: the paths of those that are there, or may be, and could not be read.
        trees: the shared folders, if it is the node that is asked for these.
        login: who the SSH user is.
    """

    owner: str | Unanswered
    files: Mapping[str, str]
    secrets: StoredSecrets | Unanswered
    gpus: int
    marker_files: Mapping[str, str]
    unread: frozenset[str] = frozenset()
    trees: Trees | Unanswered = field(default_factory=Trees)
    login: Login = field(default_factory=Login)


def disk(node: Node, question: Question) -> Disk:
    """Return what `node` has on its disk.

    NVIDIA's driver lists the GPUs in /proc; their devices may be made only when one is first used.

    Raises:
        NodeError: the answer is not whole.
    """
    keeps = node.name in question.keepers
    asking = [
        _script(question, node.name),
        *([_secrets_script(question.known.mark)] if keeps else ()),
        "true",
    ]
    done = node.run("\n".join(asking))
    lines, end, kept = f"{done.text}\n".partition(f"{_END}\n")  # the text has no last line end
    if not end:
        raise NodeError(
            node.name,
            f"its answer about its disk broke off: {done.complaint() or 'it says no more'}",
            f"Is the machine well? ssh {node.name} uptime; ./skp.py host.check",
        )
    owner = [line for line in lines.splitlines() if line.startswith(_OWNER)]
    gpus = [line.removeprefix(_GPU) for line in lines.splitlines() if line.startswith(_GPU)]
    devices = sum(path.startswith("/dev/") for path in gpus)
    return Disk(
        _owner(owner, _SILENT in lines.splitlines(), question.home),
        files.parse_probe(lines, question.files),
        _secrets(kept, question.known) if keeps else StoredSecrets(),
        max(devices, len(gpus) - devices),
        markers.parse_probe(lines),
        markers.unread(lines),
        trees.parse_probe(lines),
        trees.parse_login(lines),
    )


def _trees_script(question: Question) -> str:
    """Return the part of the command that is for one node alone."""
    return trees.probe_script(question.folders, question.moves, question.remains)


def _script(question: Question, node: str) -> str:
    """Return the command; what comes after the mark of its end are the secrets alone."""
    home = shlex.quote(question.home)
    # stat would hang on a file server that is gone, and the whole command with it.
    stat = f"timeout -s KILL {_OWNER_SECONDS} stat -c {_OWNER}%u:%g -- {home} 2>/dev/null"
    gpus = "/dev/nvidia[0-9]* /proc/driver/nvidia/gpus/*"
    parts = (
        f"{stat}; [ $? -lt 128 ] || echo {_SILENT}",
        files.probe_script(question.files),
        markers.probe_script(question.marker_files, question.shared),
        trees.login_script(),
        *([_trees_script(question)] if node == question.maker else []),
        f'for found in {gpus}; do [ ! -e "$found" ] || echo {_GPU}"$found"; done',
        f"echo {_END}",
    )
    return "\n".join(parts)


def _secrets_script(mark: str) -> str:
    """Return a command that prints the stored secrets, if they are not those with this mark.

    sudo, which is slow, runs only where they differ or can't be compared (decision 34).
    """
    folder = shlex.quote(str(PurePosixPath(SECRETS_FILE).parent))
    read = shlex.quote(f"[ ! -e {SECRETS_FILE} ] || head -c {_MOST_BYTES} {SECRETS_FILE}")
    return (
        f"if [ -e {SECRETS_FILE} ] || {{ [ -d {folder} ] && [ ! -x {folder} ]; }}; then "
        f"{{ read -r mark <{SECRETS_MARK}; }} 2>/dev/null\n"
        f'if [ "$mark" = "{mark} $({STAMP} {SECRETS_FILE} 2>/dev/null)" ]; then echo {_SAME}; '
        f"else echo {_KEPT}; sudo -n sh -c {read} 2>/dev/null && echo {_END}; fi; "
        f"else echo {_END}; fi"
    )


def _owner(found: Sequence[str], silent: bool, home: str) -> str | Unanswered:
    if silent:
        return Unanswered(f"whose {home} is was not answered within {_OWNER_SECONDS} s")
    return found[0].removeprefix(_OWNER) if found else ""


def _secrets(text: str, known: StoredSecrets) -> StoredSecrets | Unanswered:
    """Return the secrets from what `_secrets_script` printed."""
    first, _, rest = text.partition("\n")
    kept, end, _ = rest.rpartition(f"{_END}\n")
    if f"{first}\n" == f"{_END}\n":
        return StoredSecrets()
    if first == _SAME:
        return known
    if first != _KEPT or not end:
        return Unanswered(f"its stored secrets, {SECRETS_FILE}, could not be read")
    try:
        return secrets.parse(kept) if kept.strip() else StoredSecrets()
    except ValueError as error:
        return Damaged(f"its stored secrets, {SECRETS_FILE}, are damaged in line {error}")
