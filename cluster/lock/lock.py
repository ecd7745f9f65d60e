"""One command at a time changes a cluster: who holds the lock, and what is done about it.

With a Swarm the lock is an object of the Swarm's own store (`lock_swarm`); before there is one
it is a file lock on the master (`lock_file`). Both say who holds them, since when, and for what.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cluster.connectors.fleet import Fleet
from cluster.errors import ExitCode, SkpError
from cluster.model.state import State

BEAT_SECONDS = 5
"""How often a holder shows that it lives."""
STALE_SECONDS = 30
"""A lock that did not move for so long, by the observer's own clock, is nobody's."""
LOST_SECONDS = 20
"""A holder that could not show for so long that it lives gives up by itself: before others may."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        who: user and machine. what: the command. since: RFC 3339.
        machine: tells processes of one machine (and one PID namespace) from those of others.
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
    def read(cls, text: str) -> Holder | None:
        """Return the holder that `text` describes; None for nobody."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def written(self) -> str:
        """Return it as text for `read`."""
        return json.dumps(asdict(self))

    def died(self) -> bool:
        """Whether it is known to have ended: it ran on this machine, and is there no more."""
        if self.machine != _machine() or self.lives():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # somebody else's: what /proc says of it counts, if it says anything
        return _seen(self.pid)

    def lives(self) -> bool:
        """Whether it is known to live: it is a process of this machine."""
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


class Held(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Raise LockedError when it was lost: then nothing more may be changed."""

    def release(self) -> None:
        """Give it back."""


class Lock:
    """The lock of a cluster, taken where it can be: in the Swarm if there is one.

    Attributes:
        left: the holder that it was taken over from, if that one died.
    """

    def __init__(self, fleet: Fleet, master: str, what: str, say: Callable[[str], None]) -> None:
        self._fleet, self._master, self._me = fleet, master, Holder.me(what)
        self._say = say
        self._held: list[Held] = []
        self._released = False
        self._in_swarm = False
        self.left: Holder | None = None

    @property
    def me(self) -> Holder:
        """This command, as others see it."""
        return self._me

    def take(self, state: State) -> None:
        """Take it, or do nothing if it is held; called again once there is a Swarm.

        Raises:
            LockedError: somebody else has it. NodeError: it can't be asked for.
        """
        from cluster.lock import file as lock_file  # they need the classes above
        from cluster.lock import swarm as lock_swarm

        def in_file() -> None:
            # Whoever began this Swarm may hold that one, and not yet the Swarm's own.
            if not self._held and self._master in self._fleet.nodes:
                self._held.append(lock_file.take(self._fleet.nodes[self._master], self._me))

        if state.swarm and not self._in_swarm:
            taken = lock_swarm.take(self._fleet, state.swarm.managers, self._me, self._say, in_file)
            self._held.append(taken)
            self.left = taken.left
            self._in_swarm = True
        elif self._master in self._fleet.nodes:
            in_file()
        elif not self._held:
            raise self._fleet.unreachable[self._master]

    def check(self) -> None:
        """Raise LockedError when it was lost, or given back: an interrupted command stops."""
        if self._released:
            raise LockedError(None)
        for held in self._held:
            held.check()

    def release(self) -> None:
        """Give it back."""
        self._released = True
        while self._held:
            self._held.pop().release()


@contextmanager
def locked(
    fleet: Fleet, master: str, what: str, state: State, say: Callable[[str], None]
) -> Iterator[Lock]:
    """Hold the lock of a cluster while the block runs; see `Lock.take` for what is raised."""
    lock = Lock(fleet, master, what, say)
    try:
        lock.take(state)
        yield lock
    finally:
        lock.release()


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def _seen(pid: int) -> bool:
    """Whether the kernel shows this process to us (/proc may hide those of others: hidepid)."""
    return Path(f"/proc/{pid}/stat").exists()


def _born(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the program's name, which may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
