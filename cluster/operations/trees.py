"""Operations on the shared folders: they are made, handed over, and data is moved between them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from secrets import token_hex

from cluster.errors import NodeError
from cluster.model.item import Action, Difference, Kind
from cluster.model.layout import DONE, MARKER, Folder, Move
from cluster.operations.base import Context, Operation

SQUASHED = 45
"""The exit code of trees.sh where root of the node is nobody on the share."""


@dataclass(frozen=True)
class ArrangeFolders(Operation):
    """Make the shared folders where their file system is, and give each to its owner.

    Attributes:
        platform, home: the platform's folder, and the users'.
        folders: all that are wanted, parents first.
        users: "UID:GID" of users' code; owners: the user ids whose files become theirs at first.
        marker: what the marker file says; "" where there is none yet.
    """

    node: str
    platform: str
    home: str
    folders: tuple[Folder, ...]
    users: str
    owners: tuple[int, ...]
    marker: str = ""
    differences: tuple[Difference, ...] = ()
    name: str = "shared folders"
    kind, action = Kind.FILE, Action.INSTALL
    moves: tuple[Move, ...] = ()

    def execute(self, context: Context) -> str:
        """Have root run the script there."""
        node = self.node_in(context)
        text = script(self).encode()
        done = node.run("sudo -n sh -s", stdin=text, deadline=node.deadlines.move)
        if done.exit_code == SQUASHED:
            raise NodeError(self.node, f"{self._said(done.complaint())}", self._for_others())
        if done.exit_code:
            raise NodeError(self.node, self._said(done.complaint()))
        return ""

    def _said(self, complaint: str) -> str:
        return f"the shared folders could not be arranged: {complaint}"

    def calls(self) -> Iterator[str]:
        """Yield the script's calls: what is moved goes first, what is handed over comes after.

        A user's second name of a moved file would otherwise give it back to them.
        """
        own = [folder for folder in self.folders if self._is_platforms(folder)]
        yield _call("folder", self.platform, "0:0", "0711")
        yield _call("alone", self.platform)
        yield _call("plain", self.home)
        yield _call("plain", f"{self.home}/var")
        parents = {str(PurePosixPath(move.new).parent) for move in self.moves} - {self.platform}
        for parent in sorted(parents):
            yield f"[ -d {shlex.quote(parent)} ] || {_call('folder', parent, '0:0', '0711')}"
        for move in self.moves:
            yield _call("moved", move.old, move.new)
        if self.owners:
            yield _call("handed", self.home, self.users, *map(str, self.owners))
        if not self.folders:
            yield _call("marked", f"{self.platform}/{MARKER}", self.marker or token_hex(16))
            return
        for folder in self.folders:
            word = "own" if folder in own else "folder"
            yield _call(word, folder.path, folder.owner, f"{folder.mode:04o}")
        yield _call("marked", f"{self.platform}/{DONE}", self.users)
        yield _call("marked", f"{self.platform}/{MARKER}", self.marker or token_hex(16))

    def _is_platforms(self, folder: Folder) -> bool:
        return folder.path.startswith(f"{self.platform}/") and not folder.owner.startswith("0:")

    def _for_others(self) -> str:
        """Return what the administrator of a share that is not ours has to type there."""
        lines = [
            f"install -d {shlex.quote(f.path)} && chown {f.owner} {shlex.quote(f.path)} && "
            f"chmod {f.mode:04o} {shlex.quote(f.path)}"
            for f in self.folders
        ]
        return "Its server does not let root of this node give files away. There, as root:\n" + (
            "\n".join(f"    {line}" for line in lines)
        )


@dataclass(frozen=True)
class MoveData(ArrangeFolders):
    """Move the platform's data out of the users' folder as well; nothing may run on it."""

    name: str = "the platform's data"
    action = Action.MOVE

    @property
    def is_provisional(self) -> bool:
        """Always: that it is done is remembered after it."""
        return True


@dataclass(frozen=True)
class JoinUsersGroup(Operation):
    """Make the SSH user a member of the group of users' code, whose files it then may change.

    Attributes:
        group: the group's id. user: the SSH user's name.
    """

    node: str
    group: int
    user: str
    name: str = "users' group"
    kind, action = Kind.FILE, Action.JOIN

    def execute(self, context: Context) -> str:
        """Make the group where there is none of that id, and add the user."""
        find = f"$(getent group {self.group} | cut -d: -f1)"
        self.node_in(context).sudo(
            f'[ -n "{find}" ] || groupadd -g {self.group} skp-users; '
            f'usermod -aG "{find}" {shlex.quote(self.user)}'
        )
        return ""


def script(operation: ArrangeFolders) -> str:
    """Return what a shell of root runs where the shared folders' file system is."""
    return "\n".join([_functions(), *operation.calls(), ""])


@cache
def _functions() -> str:
    return Path(__file__).with_suffix(".sh").read_text()


def _call(word: str, *arguments: str) -> str:
    return shlex.join([word, *arguments])
