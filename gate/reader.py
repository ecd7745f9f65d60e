"""What the gate tells of the cluster to those who only ask, by connections that stay open."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import deployed, people
from cluster.errors import SkpError
from gate import looking, records
from gate.connected import Connected
from gate.fresh import Fresh
from gate.looking import Look
from gate.refusing import Kind, RefusedError
from workloads.revisions import present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workloads.accounts import Account

_LOOK = 1.0  # seconds that what is told may be old
_ACCOUNTS = 5.0  # and what is known of accounts
_ASKING = 15.0  # seconds that the account service may take


class Reader:
    """Asks the cluster when somebody asks it, once for all who ask at the same time."""

    def __init__(self, root: Path, connected: Connected) -> None:
        """Ask by these connections; `root` is the folder of records."""
        self._root, self.connected = root, connected
        self._looks, self._known = Fresh(_LOOK, self._looked), Fresh(_ACCOUNTS, self._accounts)
        self._last: Look | None = None

    def account(self, name: str) -> Account:
        """Return an account and its projects, as they were a few seconds ago.

        Raises:
            NoAccountError: there is none, or it may not log in. SkpError: nobody can be asked.
        """
        return people.account_of(self._known.get(), name)

    def look(self) -> Look:
        """Return how deployments and nodes are; raises SkpError where nothing was ever read."""
        return self._looks.get()

    def history(self, of: str) -> list[dict[str, Any]]:
        """Return the revisions of a deployment "project/name", the newest first.

        Raises:
            RefusedError: there was none of that name. SkpError: nobody can be asked.
        """
        with self.connected.way() as way:
            found = way.gate.store.revisions(of)
            now = present(way.gate.store, of)
        if not found:
            raise RefusedError(Kind.UNKNOWN, f"there is no deployment {of}")
        return deployed.history(found, now, records.commits(self._root, of))

    def _looked(self) -> Look:
        try:
            self._last = self._read()
        except SkpError as error:
            if self._last is None:
                raise
            return self._last.unread(error.what)
        return self._last

    def _read(self) -> Look:
        now = time.time()
        with self.connected.way() as way:
            store, names = way.gate.store, way.cluster.inventory.names
            rows = deployed.documents(way.gate.rows())
            nodes = looking.nodes(store.nodes(), store.tasks(), names)
        return Look(rows, nodes, now)

    def _accounts(self) -> Mapping[str, Mapping[str, Any]]:
        with self.connected.way() as way:
            return people.listed(way.cluster, way.fleet, _ASKING)
