"""The lock that lets one command at a time change a cluster.

With a Swarm the lock is an object of the Swarm's own store (`swarm`); before there is one it is a
file lock on the master (`file`). Both say who holds them, since when, and for what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from cluster.connectors.fleet import Fleet
from cluster.lock import file, swarm
from cluster.lock.holder import HeldLock, Holder, LockedError
from cluster.model.state import State


class Lock:
    """The lock of a cluster, taken in the Swarm if there is one, else on the master.

    Attributes:
        left: the dead holder that the lock was taken over from; None if it was free.
    """

    def __init__(self, fleet: Fleet, master: str, what: str, say: Callable[[str], None]) -> None:
        """Prepare a lock; nothing is asked yet.

        Args:
            what: the command that wants the lock, as others will read it.
            say: takes a line for the person when taking the lock has to wait.
        """
        self._fleet, self._master, self._me = fleet, master, Holder.me(what)
        self._say = say
        self._held: list[HeldLock] = []
        self._released = False
        self._in_swarm = False
        self.left: Holder | None = None

    @property
    def me(self) -> Holder:
        """This command, as others see it."""
        return self._me

    def take(self, state: State) -> None:
        """Take the lock, unless it is held already.

        It is called once more when `state` first shows a Swarm, and then takes the Swarm's lock
        beside the file lock.

        Raises:
            LockedError: another command holds it. NodeError: no node that keeps it answers.
        """
        if state.swarm and not self._in_swarm:
            self._take_in_swarm(state.swarm.managers)
        elif self._master in self._fleet.nodes:
            self._take_file()
        elif not self._held:
            raise self._fleet.unreachable[self._master]

    def check(self) -> None:
        """Raise LockedError if the lock was lost, or given back: an interrupted command stops."""
        if self._released:
            raise LockedError(None)
        for held in self._held:
            held.check()

    def release(self) -> None:
        """Free the lock; nothing can be changed with it any more."""
        self._released = True
        while self._held:
            self._held.pop().release()

    def _take_in_swarm(self, managers: Iterable[str]) -> None:
        store = swarm.Store(self._fleet, managers)
        entry = store.read()
        if entry is None and self._master in self._fleet.nodes:
            # The command that began this Swarm may still hold the file lock alone.
            self._take_file()
        taken = swarm.take(store, entry, self._me, self._say)
        self._held.append(taken)
        self.left = taken.left
        self._in_swarm = True

    def _take_file(self) -> None:
        if not self._held:
            self._held.append(file.take(self._fleet.nodes[self._master], self._me))


@contextmanager
def locked(
    fleet: Fleet, master: str, what: str, state: State, say: Callable[[str], None]
) -> Iterator[Lock]:
    """Hold the lock of a cluster while the block runs.

    Args:
        what: the command, as others will read it.
        state: what was observed; it tells whether there is a Swarm.
        say: takes a line for the person when taking the lock has to wait.

    Raises:
        LockedError: another command holds it. NodeError: no node that keeps it answers.
    """
    lock = Lock(fleet, master, what, say)
    try:
        lock.take(state)
        yield lock
    finally:
        lock.release()
