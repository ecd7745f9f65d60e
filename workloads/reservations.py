"""What is reserved for a deployment, before anything is made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cluster.config import ports
from cluster.config.settings import Settings
from workloads import on_nodes
from workloads.ledger import Entry, Ledger, asked
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
        ask = asked(wish.wanted, wish.of, default)
        available = ports.chosen(self._settings)
        names = {found.piece.of for found in self._store.services()}
        listening, platforms = on_nodes.listening(self._fleet), self._platform().ports
        now, seen = time.time(), dict[str, Entry | None]()

        def step(before: Ledger) -> Ledger:
            ledger = before.forgotten(names, now - _GIVEN_UP)
            old = ledger.entries.get(wish.of)
            ours = {p for entry in before.entries.values() for p in entry.ports.values()}
            busy = (listening - ours) | platforms
            reserve = ledger.reserve if there else ledger.begin
            new = reserve(ask, available, busy, now)
            seen["new"], seen["old"] = new.entries[wish.of], old
            return new.with_entry(wish.of, new.entries[wish.of].beside(old))

        self._store.ledger.change(step)
        entry = seen["new"]
        assert entry is not None
        return entry, seen["old"]

    def set_back(self, of: str, entry: Entry, before: Entry | None) -> None:
        """Have the ledger say what a deployment had, unless somebody has changed that since."""

        def step(now: Ledger) -> Ledger:
            found = now.entries.get(of)
            ours = found is not None and found.since == entry.since
            return now.with_entry(of, before) if ours else now

        self._store.ledger.change(step)
