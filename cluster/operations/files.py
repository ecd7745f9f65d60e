"""Operations on files: those on nodes' own disks, and credentials on the shared folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from cluster.connectors import sudo
from cluster.connectors.base import Completed
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.files import Credential, NodeFile
from cluster.model.item import Action, Difference, Kind
from cluster.operations.base import Context, Operation
from cluster.operations.shared_files import LINKED, MISSING, writing


@dataclass(frozen=True)
class InstallFile(Operation):
    """Write a file that a node is to have on its own disk, as root."""

    node: str
    file: NodeFile
    differences: tuple[Difference, ...] = ()
    kind, action = Kind.FILE, Action.INSTALL

    @property
    def name(self) -> str:
        """The file's path."""
        return self.file.path

    def execute(self, context: Context) -> str:
        """Write it under another name and rename it, so that nobody sees half of it."""
        file = self.file
        folder, path, new = _quoted(_parent(file.path), file.path, f"{file.path}.new")
        commands = [
            f"mkdir -p {folder}",
            f"install -m {file.mode:o} /dev/stdin {new}",
            f"mv -f {new} {path}",
        ]
        if file.link:
            folder, link = _quoted(_parent(file.link), file.link)
            commands += [f"mkdir -p {folder}", f"ln -sfn {path} {link}"]
        if file.then:
            commands.append(file.then)
        self.node_in(context).sudo(" && ".join(commands), stdin=file.content.encode())
        return ""


@dataclass(frozen=True)
class RemoveFile(Operation):
    """Remove a file of a node's own disk, the link to it, and its folder if that is empty then."""

    node: str
    file: NodeFile
    kind, action = Kind.FILE, Action.REMOVE

    @property
    def name(self) -> str:
        """The file's path."""
        return self.file.path

    def execute(self, context: Context) -> str:
        """Remove it as root."""
        file = self.file
        folder, *paths = _quoted(_parent(file.path), file.path, file.link or file.path)
        commands = [f"rm -f -- {' '.join(paths)}", f"rmdir --ignore-fail-on-non-empty {folder}"]
        if file.then:
            commands.append(file.then)
        self.node_in(context).sudo(" && ".join(commands))
        return ""


@dataclass(frozen=True)
class SaveCredential(Operation):
    """Write a credential on the shared folder, whole or not at all.

    Attributes:
        name: its name in reports: its path, or the end of its path.
    """

    node: str
    name: str
    credential: Credential
    order: int = 0
    kind, action = Kind.CREDENTIAL, Action.SAVE

    def execute(self, context: Context) -> str:
        """Write it.

        Raises:
            NodeError: it can't be written, or a link is in the way.
        """
        root, path = self.credential.root, self.credential.path
        text = self.credential.content.reveal().encode()
        done = on_share(self.node_in(context), writing(root, path), text)
        if done.exit_code == LINKED:
            raise linked(self.node, root, path)
        if done.exit_code != 0:
            raise NodeError(self.node, f"{root}/{path} can't be written: {done.complaint()}")
        return ""


def on_share(node: Node, command: str, stdin: bytes = b"") -> Completed:
    """Run a command of `shared_files` as the SSH user; as root where that user may not.

    Root of a node that mounts the folder of another may not either.
    """
    done = node.run(command, stdin=stdin)
    if done.exit_code in (0, LINKED, MISSING):
        return done
    again = node.run(sudo.command(command), stdin=stdin)
    return again if again.exit_code in (0, LINKED, MISSING) else done


def linked(node: str, root: str, path: str) -> NodeError:
    """Return the error when something on the way to a shared file is not what it has to be."""
    return NodeError(
        node,
        f"{root}/{path}: a part of this path below {root} is a link, or no folder or plain file, "
        "and is not followed",
        f"Find out who put it there, and move it away: ssh {node} ls -l {root}",
    )


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _quoted(*words: str) -> tuple[str, ...]:
    return tuple(shlex.quote(word) for word in words)
