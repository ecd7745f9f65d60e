"""Ending all that runs as somebody who may not be here any more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_LEAST = 1000  # what is below is the system's
_NOBODYS = 65532  # a user id that no process and no account has


def end(uids: Iterable[int]) -> list[int]:
    """End the processes of these users, and with them their connections; return whose there were.

    Whoever makes processes faster than they are found is no match: to signal all of a user at once,
    the kernel is asked as that user (kill(2): a pid of -1).
    """
    running = _running()
    found = [uid for uid in sorted(set(uids)) if uid >= _LEAST and uid in running]
    for uid in found:
        _end_as(uid)
    return found


def _end_as(uid: int) -> None:
    """Send SIGKILL to all that a user may signal: his own processes, and no others.

    The effective id is his. The real one is nobody's, and the saved one root's, to come back: so he
    can't signal this process meanwhile, and have it stop before it does.
    """
    os.setresuid(_NOBODYS, uid, 0)
    try:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    finally:
        os.setresuid(0, 0, 0)


def _running() -> set[int]:
    """Return the user ids (real ones) that have a process in this container."""
    found = set[int]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                status = (entry / "status").read_text(encoding="ascii", errors="replace")
                uid = status.split("\nUid:", 1)[1].split(None, 1)[0]
                found.add(int(uid))
    return found
