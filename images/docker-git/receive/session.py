"""Whether the client that pushes is still there: sshd's process for it ends with its connection.

git itself would notice only when it next writes to the client, which may be after the push.
"""

from __future__ import annotations

import os
import select
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "SKP_SESSION"
_DEPTH = 5  # between git and sshd there is a shell


def watched() -> int:
    """Return a descriptor, open for all that this process becomes, of sshd's process; -1 for none.

    It can be read from when that process has ended (pidfd_open(2)).
    """
    pid = os.getppid()
    for _ in range(_DEPTH):
        name, parent = _known(pid)
        if name.startswith("sshd"):
            found = os.pidfd_open(pid)
            os.set_inheritable(found, True)  # noqa: FBT003
            return found
        pid = parent
    return -1


def descriptor(said: Mapping[str, str] = os.environ) -> int:
    """Return the descriptor that `watched` has opened; -1 for none."""
    return int(said.get(VARIABLE, "-1"))


def is_gone(found: int) -> bool:
    """Whether the client has gone."""
    return found >= 0 and bool(select.select([found], [], [], 0)[0])


def _known(pid: int) -> tuple[str, int]:
    """Return a process's name, and its parent's id (proc(5), stat)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", 0
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, int(rest.split()[1])
