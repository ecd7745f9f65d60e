"""What is reserved for a deployment, before anything is made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cluster.config import ports
from cluster.config.settings import Settings
from workloads import on_nodes
from workloads.ledger import Entry, Ledger, asked
from workloads.model import Deployment
from workloads.needs import Needs
from workloads.platform import Platform
from workloads.store import Found, Store
from workloads.wish import Wish

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet

# Seconds: what was reserved that long ago, and has no services, was given up by whoever did so.
_GIVEN_UP = 900


class Reservations:
    """The ledger's entries of deployments, as they come and go."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        fleet: Fleet,
        platform: Callable[[], Platform],
    ) -> None:
        """Use the ledger of `store`; `platform` returns what the platform's services have."""
        self._store, self._settings, self._fleet = store, settings, fleet
        self._platform = platform

    def reserve(
        self, wish: Wish, there: Sequence[Found], default: Needs
    ) -> tuple[Entry, Entry | None]:
        """Reserve what is wanted; return that, and what there was before.

        While a change is made, the ledger has what both need.

        Args:
            there: its services; a new one has none. default: what a container gets that says
                nothing.

        Raises:
            RefusedError: a quota, or the ports that there are, do not allow it.
        """
        seen = dict[str, Entry | None]()
        reserved = self._reserving(wish.wanted, wish.of, there, default)

        def step(before: Ledger) -> Ledger:
            new, old = reserved(before), before.entries.get(wish.of)
            seen["new"], seen["old"] = new.entries[wish.of], old
            return new.with_entry(wish.of, new.entries[wish.of].beside(old))

        self._store.ledger.change(step)
        entry = seen["new"]
        assert entry is not None
        return entry, seen["old"]

    def check(self, wanted: Deployment, of: str, there: Sequence[Found], default: Needs) -> None:
        """Refuse what could not be reserved now; nothing is. Raises RefusedError."""
        self._reserving(wanted, of, there, default)(self._store.ledger.read())

    def _reserving(
        self, wanted: Deployment, of: str, there: Sequence[Found], default: Needs
    ) -> Callable[[Ledger], Ledger]:
        """Return what gives a deployment what it wants, in place of what it has."""
        ask = asked(wanted, of, default)
        available = ports.chosen(self._settings)
        names = {found.piece.of for found in self._store.services()}
        listening, platforms = on_nodes.listening(self._fleet), self._platform().ports
        now = time.time()

        def reserved(before: Ledger) -> Ledger:
            ledger = before.forgotten(names, now - _GIVEN_UP)
            ours = {p for entry in before.entries.values() for p in entry.ports.values()}
            busy = (listening - ours) | platforms
            reserve = ledger.reserve if there else ledger.begin
            return reserve(ask, available, busy, now)

        return reserved

    def set_back(self, of: str, entry: Entry, before: Entry | None) -> None:
        """Have the ledger say what a deployment had, unless somebody has changed that since."""

        def step(now: Ledger) -> Ledger:
            found = now.entries.get(of)
            ours = found is not None and found.since == entry.since
            return now.with_entry(of, before) if ours else now

        self._store.ledger.change(step)
