"""The lock in the Swarm's own store: a config object whose labels name the holder.

The managers agree on every change, and refuse one that was made from an older version: creating
the object, taking it, showing that the holder lives and giving it back are each one such change.
The object itself stays for good.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import docker.errors

from cluster.connectors.engine import Engine
from cluster.connectors.fleet import Fleet
from cluster.errors import NodeError
from cluster.lock.lock import BEAT_SECONDS, LOST_SECONDS, STALE_SECONDS, Holder, LockedError

NAME = "skp-lock"
LABEL_HOLDER, LABEL_BEAT = "skp.holder", "skp.beat"
_PAUSE = 0.5  # seconds between two looks at a lock that may be a dead process's
_REQUEST_SECONDS = 10  # of one request of a beat: several fit into LOST_SECONDS

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """The lock as it is in the store."""

    id: str
    version: int
    labels: Mapping[str, str]

    @property
    def holder(self) -> Holder | None:
        """Who has it; None when it is free."""
        return Holder.read(self.labels.get(LABEL_HOLDER, ""))


class Store:
    """The lock's object, asked through whichever manager answers."""

    def __init__(self, fleet: Fleet, managers: Iterable[str]) -> None:
        # By name: a node whose connection broke gets a new one.
        self._fleet, self._managers = fleet, [name for name in managers if name in fleet.nodes]

    def read(self) -> Entry | None:
        """Return the object; None when it was never made."""

        def read(engine: Engine) -> Entry | None:
            found = [c for c in engine.configs(filters={"name": NAME}) if c["Spec"]["Name"] == NAME]
            return _entry(found[0]) if found else None

        return self._ask(read)

    def create(self, labels: Mapping[str, str]) -> Entry | None:
        """Make the object; None when somebody else was faster."""

        def create(engine: Engine) -> Entry | None:
            try:
                made = engine.create_config(NAME, b"skp", labels=dict(labels))
            except docker.errors.APIError as error:
                if error.status_code == 409:
                    return None
                raise
            return _entry(engine.inspect_config(made["ID"]))

        return self._ask(create)

    def swap(self, entry: Entry, labels: Mapping[str, str]) -> Entry | None:
        """Change the object's labels if it is still as in `entry`; None when it is not."""

        def swap(engine: Engine) -> Entry | None:
            try:
                engine.update_config(entry.id, entry.version, NAME, labels)
            except docker.errors.APIError:
                if _entry(engine.inspect_config(entry.id)).version != entry.version:
                    return None
                raise
            return _entry(engine.inspect_config(entry.id))

        return self._ask(swap)

    def _ask(self, request: Callable[[Engine], T]) -> T:
        """Put a request to one manager, and to the next when that one is gone."""
        error: NodeError | None = None
        for manager in list(self._managers):
            try:
                node = self._fleet.nodes[manager]
                with node.talking("asking for the lock", _REQUEST_SECONDS) as engine:
                    return request(engine)
            except NodeError as failed:
                error = failed
                self._managers.append(self._managers.pop(0))
        assert error is not None, "there is a Swarm, so there is a manager"
        raise error


class SwarmLock:
    """The lock while it is held: a thread shows that this process lives."""

    def __init__(self, store: Store, entry: Entry, me: Holder, left: Holder | None) -> None:
        self.left = left
        self._store, self._entry, self._me = store, entry, me
        self._lost: LockedError | None = None
        self._shown = time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="lock")
        self._thread.start()

    def check(self) -> None:
        """Raise LockedError when it was lost, or when others may think so by now."""
        if self._lost is None and time.monotonic() - self._shown > LOST_SECONDS:
            self._lost = LockedError(None)
        if self._lost:
            raise self._lost

    def release(self) -> None:
        """Mark it as free, unless somebody else has it by now, or the Swarm has ended."""
        self._ending.set()
        self._thread.join()
        if self._lost is None:
            with suppress(NodeError):  # it is nobody's when it does not move any more
                self._store.swap(self._entry, {})

    def _beat(self) -> None:
        count = 0
        while not self._ending.wait(BEAT_SECONDS) and self._lost is None:
            count += 1
            asked = time.monotonic()
            try:
                self._entry = _mine(self._store, self._entry, self._me, count)
                self._shown = asked
            except LockedError as error:
                self._lost = error
            except NodeError:
                continue  # check() sees when it has been too long


def take(
    fleet: Fleet,
    managers: Iterable[str],
    me: Holder,
    say: Callable[[str], None],
    first: Callable[[], None],
) -> SwarmLock:
    """Take the lock.

    Args:
        say: told when it has to be found out first whether its holder lives.
        first: called before the lock is made for the first time in this Swarm.

    Raises:
        LockedError: a process that lives has it. NodeError: no manager answers.
    """
    store = Store(fleet, managers)
    entry = store.read()
    if entry is None:
        first()
        entry = store.create(_labels(me, 0)) or store.read()
        if entry is None:
            raise LockedError(None)
        if entry.holder == me:
            return SwarmLock(store, entry, me, None)
    entry = _free(store, entry, say)
    return SwarmLock(store, _mine(store, entry, me, 0), me, entry.holder)


def _mine(store: Store, entry: Entry, me: Holder, beat: int) -> Entry:
    """Change the lock from what it was in `entry` to ours, and return it as it is then.

    A change whose answer was lost on the way was made all the same: what is ours is ours.

    Raises:
        LockedError: it is somebody else's. NodeError: no manager answers.
    """
    found = store.swap(entry, _labels(me, beat)) or store.read()
    if found is None or found.holder != me:
        raise LockedError(found.holder if found else None)
    return found


def _free(store: Store, entry: Entry, say: Callable[[str], None]) -> Entry:
    """Return the lock when it is nobody's any more; raises LockedError when its holder lives."""
    end = time.monotonic() + STALE_SECONDS
    seen = entry
    while (holder := seen.holder) is not None and not holder.died():
        if holder.lives() or seen.version != entry.version:
            raise LockedError(holder)
        if seen is entry:
            say(f"waiting up to {STALE_SECONDS} s for a sign of {holder}")
        if time.monotonic() > end:
            break
        time.sleep(_PAUSE)
        seen = store.read() or seen
    return seen


def _labels(me: Holder, beat: int) -> dict[str, str]:
    return {LABEL_HOLDER: me.written(), LABEL_BEAT: str(beat)}


def _entry(found: Mapping[str, Any]) -> Entry:
    return Entry(found["ID"], found["Version"]["Index"], found["Spec"].get("Labels") or {})
