"""The lock in the Swarm's own store: a config object whose labels name the holder.

Every change names the version that it was made from, and the managers refuse it when the object
has moved on (compare-and-swap). Creating the object, taking it, each beat and freeing it are one
such change each. The object itself is never removed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker.errors

from cluster.connectors.engine import Engine
from cluster.connectors.fleet import Fleet
from cluster.connectors.managers import Managers
from cluster.errors import NodeError
from cluster.lock.holder import BEAT_SECONDS, LOST_SECONDS, STALE_SECONDS, Holder, LockedError

NAME = "skp-lock"
LABEL_HOLDER, LABEL_BEAT = "skp.holder", "skp.beat"
_PAUSE = 0.5  # seconds between two looks at a lock whose holder may be dead
_REQUEST_SECONDS = 10  # the deadline of one request: two managers can be asked in LOST_SECONDS


@dataclass(frozen=True)
class Entry:
    """The lock as it is in the store."""

    id: str
    version: int
    labels: Mapping[str, str]

    @property
    def holder(self) -> Holder | None:
        """Who holds it; None if it is free."""
        return Holder.parse(self.labels.get(LABEL_HOLDER, ""))


class Store:
    """The lock's object, read and changed through the first manager that answers."""

    def __init__(self, fleet: Fleet, managers: Iterable[str]) -> None:
        """Use those of `managers` that are reachable; nothing is asked yet."""
        self._managers = Managers(fleet, managers, "asking for the lock", _REQUEST_SECONDS)

    def read(self) -> Entry | None:
        """Return the object; None if it was never created. Raises NodeError."""

        def read(engine: Engine) -> Entry | None:
            found = [c for c in engine.configs(filters={"name": NAME}) if c["Spec"]["Name"] == NAME]
            return _entry(found[0]) if found else None

        return self._managers.ask(read)

    def create(self, labels: Mapping[str, str]) -> Entry | None:
        """Create the object; None if another command was faster. Raises NodeError."""

        def create(engine: Engine) -> Entry | None:
            try:
                made = engine.create_config(NAME, b"skp", labels=dict(labels))
            except docker.errors.APIError as error:
                if error.status_code == 409:
                    return None
                raise
            return _entry(engine.inspect_config(made["ID"]))

        return self._managers.ask(create)

    def swap(self, entry: Entry, labels: Mapping[str, str]) -> Entry | None:
        """Change the object's labels if it is still as in `entry`, and return it as it is then.

        None: another command has changed it. Raises NodeError.
        """

        def swap(engine: Engine) -> Entry | None:
            try:
                engine.update_config(entry.id, entry.version, NAME, labels)
            except docker.errors.APIError:
                if _entry(engine.inspect_config(entry.id)).version != entry.version:
                    return None
                raise
            return _entry(engine.inspect_config(entry.id))

        return self._managers.ask(swap)


class SwarmLock:
    """The lock while this process holds it: a thread writes the beats.

    Attributes:
        left: the dead holder that it was taken over from; None if it was free.
    """

    def __init__(self, store: Store, entry: Entry, me: Holder, left: Holder | None) -> None:
        """Begin the beats of a lock that was taken as `entry`."""
        self.left = left
        self._store, self._entry, self._me = store, entry, me
        self._lost: LockedError | None = None
        self._shown = time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="lock")
        self._thread.start()

    def check(self) -> None:
        """Raise LockedError if the lock was lost, or no beat succeeded for LOST_SECONDS."""
        if self._lost is None and time.monotonic() - self._shown > LOST_SECONDS:
            self._lost = LockedError(None)
        if self._lost:
            raise self._lost

    def release(self) -> None:
        """Free the lock, unless it was lost. If no manager answers, it turns stale by itself."""
        self._ending.set()
        self._thread.join()
        if self._lost is None:
            with suppress(NodeError):  # also when this command has ended the Swarm itself
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
                continue  # check() tells when no beat has succeeded for too long


def take(store: Store, entry: Entry | None, me: Holder, say: Callable[[str], None]) -> SwarmLock:
    """Take the lock.

    Args:
        entry: the object as `store.read` returned it; it is created if there was none.
        say: takes a line for the person when it has to wait whether the lock's holder lives.

    Raises:
        LockedError: a process that lives holds it. NodeError: no manager answers.
    """
    if entry is None:
        entry = store.create(_labels(me, 0)) or store.read()
        if entry is None:
            raise LockedError(None)
        if entry.holder == me:
            return SwarmLock(store, entry, me, None)
    entry = _free(store, entry, say)
    return SwarmLock(store, _mine(store, entry, me, 0), me, entry.holder)


def _mine(store: Store, entry: Entry, me: Holder, beat: int) -> Entry:
    """Write `me` as the holder if the lock is still as in `entry`; return it as it is then.

    The answer to a change may get lost although the change was made; the next attempt is then
    refused, and reading the object shows that it is ours.

    Raises:
        LockedError: another command holds it. NodeError: no manager answers.
    """
    found = store.swap(entry, _labels(me, beat)) or store.read()
    if found is None or found.holder != me:
        raise LockedError(found.holder if found else None)
    return found


def _free(store: Store, entry: Entry, say: Callable[[str], None]) -> Entry:
    """Return the lock once it is free or its holder is dead; raises LockedError if that lives."""
    end = time.monotonic() + STALE_SECONDS
    seen, late = entry, False
    while (holder := seen.holder) is not None and not holder.died():
        if holder.lives() or seen.version != entry.version:
            raise LockedError(holder)
        if late:
            break
        if seen is entry:
            say(f"waiting up to {STALE_SECONDS} s for a sign of {holder}")
        late = time.monotonic() > end  # what is read after that counts
        time.sleep(_PAUSE)
        seen = store.read() or seen
    return seen


def _labels(me: Holder, beat: int) -> dict[str, str]:
    return {LABEL_HOLDER: me.dumps(), LABEL_BEAT: str(beat)}


def _entry(found: Mapping[str, Any]) -> Entry:
    return Entry(found["ID"], found["Version"]["Index"], found["Spec"].get("Labels") or {})
