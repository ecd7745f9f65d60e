"""The forced command of every key: git on one repository, or a word why not."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

from receive import access, session
from receive.access import RefusedError

_LIMITS = Path("/run/skp/limits")
_KEPT_FREE = 1 << 30  # bytes of the disk that no push is to take
_SLOTS, _WAIT = 8, 60  # pushes at a time; seconds until there is room for another


def main() -> int:
    """Become git; returns 1 where that is refused."""
    account, said = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    most, kept = map(int, _LIMITS.read_text().split())
    try:
        command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
        wanted = access.wanted(command, account, access.roles(said))
        if not Path(wanted.folder).is_dir():
            raise RefusedError(f"{account}: there is no repository {wanted.project} for you")
        if wanted.verb == access.WRITE:
            _check_room(wanted, most, kept)
            _take_slot()
    except RefusedError as error:
        sys.stderr.write(f"skp: {error}\n")
        return 1
    given = access.environment(wanted, account, most, os.environ)
    given[session.VARIABLE] = str(session.watched())
    verb = wanted.verb.removeprefix("git-")
    return os.execve("/usr/bin/git", ["git", verb, wanted.folder], given)  # noqa: S606


def _check_room(wanted: access.Wanted, most: int, kept: int) -> None:
    """Refuse a push for which the disk, or the repository, has no room."""
    found = os.statvfs(wanted.folder)
    if found.f_bavail * found.f_frsize < _SLOTS * most + _KEPT_FREE:
        raise RefusedError("the disk of the repositories is nearly full: tell the operator")
    used = sum(
        (Path(folder) / name).lstat().st_size
        for folder, _, names in os.walk(wanted.folder)
        for name in names
    )
    if used > kept:
        what = f"{wanted.project}: the repository has {used >> 20} MB, and may have {kept >> 20}"
        raise RefusedError(f"{what}: tell the operator")


def _take_slot() -> None:
    """Take one of a few places; git keeps it as an open file until it ends."""
    ends = time.monotonic() + _WAIT
    while time.monotonic() < ends:
        for number in range(_SLOTS):
            slot = os.open(f"/tmp/slot-{number}", os.O_WRONLY | os.O_CREAT, 0o600)  # noqa: S108
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
                continue
            os.set_inheritable(slot, True)  # noqa: FBT003
            return
        time.sleep(0.2)
    raise RefusedError(f"{_SLOTS} pushes are on their way: push again")
