"""Operations on the shared folders: they are made, handed over, and data is moved between them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from secrets import token_hex

from cluster.connectors.shell import AS_ROOT
from cluster.errors import NodeError
from cluster.model.item import Action, Difference, Kind
from cluster.model.layout import DONE, MARKER, Folder, Move, holds
from cluster.operations.base import Context, Operation

SQUASHED = 45
"""The exit code of trees.sh where root of the node is nobody on the share."""


@dataclass(frozen=True)
class ArrangeFolders(Operation):
    """Make the shared folders where their file system is, and give each to its owner.

    Attributes:
        platform: the platform's folder. homes: those of users' data, by default one.
        folders: all that are wanted, parents first.
        users: "UID:GID" of users' code; owners: the user ids whose files become theirs at first.
        marker: what the marker file says; "" where there is none yet.
    """

    node: str
    platform: str
    homes: tuple[str, ...]
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
        text = f"{AS_ROOT}{script(self)}".encode()
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
        yield _call("folder", self.platform, "0:0", "0711")
        yield _call("alone", self.platform)
        for home in self.homes:
            yield _call("plain", home)
            yield _call("plain", f"{home}/var")
        parents = {str(PurePosixPath(move.new).parent) for move in self.moves} - {self.platform}
        for parent in sorted(parents):
            yield f"[ -d {shlex.quote(parent)} ] || {_call('folder', parent, '0:0', '0711')}"
        for move in self.moves:
            yield _call("moved", move.old, move.new)
        if self.owners:
            for home in self.homes:
                yield _call("handed", home, self.users, *map(str, self.owners))
        for move in self.moves:
            yield _call("given", move.new, self._owner(move.new))
        for folder in self.folders:
            yield _call(self._word(folder), folder.path, folder.owner, f"{folder.mode:04o}")
        for name, text in self._marks():
            yield _call("marked", name, text)

    def _marks(self) -> list[tuple[str, str]]:
        """Return the small files that say that it is done: paths and texts."""
        done = [(f"{self.platform}/{DONE}", self.users)] if self.folders else []
        return [*done, (f"{self.platform}/{MARKER}", self.marker or token_hex(16))]

    def _word(self, folder: Folder) -> str:
        """Return how the script treats a folder: only where no user's code writes, all of it."""
        within = folder.path.startswith(f"{self.platform}/")
        users = (self.users.partition(":")[0], "0")
        return "own" if within and folder.owner.partition(":")[0] not in users else "folder"

    def _owner(self, path: str) -> str:
        """Return whose data at `path` is: the folder's that holds it."""
        around = [folder for folder in self.folders if holds(folder.path, path)]
        return max(around, key=lambda folder: len(folder.path)).owner

    def _for_others(self) -> str:
        """Return what the administrator of a share that is not ours has to type there."""
        quoted = shlex.quote
        lines = [
            *(f"mv -T {quoted(m.old)} {quoted(m.new)}" for m in self.moves),
            *(f"chown -hR {self._owner(m.new)} {quoted(m.new)}" for m in self.moves),
            *(
                f"install -d {quoted(f.path)} && chown {f.owner} {quoted(f.path)} && "
                f"chmod {f.mode:04o} {quoted(f.path)}"
                for f in self.folders
            ),
            *(f"echo {text} >{quoted(name)}" for name, text in self._marks()),
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
            f'{{ [ -n "{find}" ] || groupadd -g {self.group} skp-users-{self.group}; }} && '
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
