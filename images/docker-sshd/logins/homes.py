"""Homes: made at the first login, their owner's alone, and never somebody else's in disguise.

On a shared file system root of a node is mostly nobody (NFS: root_squash), and may not even look:
so what can be done as the owner is done as he.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from logins.members import HOMES, Member

_SKELETON = Path("/etc/skel")


class HomeError(Exception):
    """What is where a home should be is none, or somebody else's."""


def protect(parent: Path = Path(HOMES)) -> None:
    """Have nobody exchange others' homes: a volume of the project is its group's, who could.

    Where root is nobody, the folder's owner, who brought the container, has each rename his own.
    """
    if is_safe(parent):
        return
    try:
        os.chown(parent, 0, -1)
        parent.chmod(0o755)
    except OSError:
        found = parent.stat()
        sticky = stat.S_IMODE(found.st_mode) | stat.S_ISVTX
        _as(found.st_uid, found.st_gid, lambda: parent.chmod(sticky))


def is_safe(parent: Path = Path(HOMES)) -> bool:
    """Whether nobody but root, or the folder's owner, can exchange what is in it."""
    mode = parent.stat().st_mode
    return not mode & 0o022 or bool(mode & stat.S_ISVTX)


def make(member: Member, gid: int, parent: Path = Path(HOMES)) -> None:
    """Make the home of somebody who logs in, if it is not there.

    Raises:
        HomeError: something else is there, or somebody else's; or it can't be made.
    """
    home, uid = parent / member.name, member.uid
    if not is_safe(parent):
        raise HomeError(f"others can exchange what is in {parent}")
    if _as(uid, gid, lambda: _be_own(home, uid)):
        return
    with suppress(OSError):
        _give(home, uid, gid)
    if not _as(uid, gid, lambda: _be_own(home, uid)):
        raise HomeError(f"{home} is no folder of its user, and can't be made")


def _be_own(home: Path, uid: int) -> None:
    """As its user: make a home, or find that what is there is his, and closed to others.

    Raises:
        OSError: neither can be done.
    """
    is_new = not os.path.lexists(home)
    if is_new:
        home.mkdir(0o700)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        raise PermissionError(home)
    home.chmod(0o700)
    if is_new or not any(home.iterdir()):
        for each in filter(Path.is_file, _SKELETON.iterdir()):
            shutil.copyfile(each, home / each.name)


def _give(home: Path, uid: int, gid: int) -> None:
    """As root: make a home and give it away.

    (Whatever is there by then: a link is not followed, and what is not root's is left as it is.)
    """
    home.mkdir(0o700)
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(folder).st_uid == 0:
            os.fchown(folder, uid, gid)
    finally:
        os.close(folder)


def _as(uid: int, gid: int, do: Callable[[], object]) -> bool:
    """Do something as a user, in a process of its own; return whether it could be done."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            os.umask(0o077)
            do()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
