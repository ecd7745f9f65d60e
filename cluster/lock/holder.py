"""Who holds a lock, and how long a holder may show nothing before it counts as dead."""

from __future__ import annotations

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cluster.errors import ExitCode, SkpError

BEAT_SECONDS = 5
"""How often a holder writes a beat, which shows that it lives."""
STALE_SECONDS = 30
"""A lock without a beat for this long, by the observer's own clock, may be taken over."""
LOST_SECONDS = 20
"""A holder whose beats failed for this long stops. It is less than STALE_SECONDS, so that it has
stopped before another command takes the lock over."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        who: user and machine. what: the command. since: RFC 3339.
        machine: the machine's boot and PID namespace: process numbers mean the same within it.
        pid, born: the process, and its start in the kernel's clock ticks (proc(5), stat).
    """

    who: str
    what: str
    since: str
    machine: str
    pid: int
    born: str

    @classmethod
    def me(cls, what: str) -> Holder:
        """Return this process as a holder, for the command `what`."""
        user = os.environ.get("SUDO_USER") or getpass.getuser()
        return cls(
            who=f"{user}@{socket.gethostname()}",
            what=what,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=_machine(),
            pid=os.getpid(),
            born=_born(os.getpid()),
        )

    @classmethod
    def parse(cls, text: str) -> Holder | None:
        """Return the holder that `dumps` wrote as `text`; None for any other text."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def dumps(self) -> str:
        """Return the holder as text for `parse`."""
        return json.dumps(asdict(self))

    def died(self) -> bool:
        """Whether the process certainly ended: it ran on this machine and is there no more."""
        if self.machine != _machine() or self.lives():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # the number is in use by another user: only /proc can tell by which process
        return _seen(self.pid)

    def lives(self) -> bool:
        """Whether the process certainly lives: this machine has it, with the same start."""
        return self.machine == _machine() and _born(self.pid) == self.born

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}) since {self.since}: {self.what}"


class LockedError(SkpError):
    """Another command is changing the cluster."""

    exit_code = ExitCode.LOCKED

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(
            f"another command is changing this cluster: {holder or 'whose is not said'}",
            "Wait until it has ended, then type it again; one that died is passed over after "
            f"{STALE_SECONDS} s.",
        )
        self.holder = holder


class HeldLock(Protocol):
    """A lock that this process holds."""

    def check(self) -> None:
        """Raise LockedError if the lock was lost: then nothing more may be changed."""

    def release(self) -> None:
        """Free the lock."""


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def _seen(pid: int) -> bool:
    """Whether /proc shows this process to us; with hidepid it hides those of other users."""
    return Path(f"/proc/{pid}/stat").exists()


def _born(pid: int) -> str:
    """Return the start of a process in clock ticks; "" if it has ended or is hidden."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the program's name, which may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
