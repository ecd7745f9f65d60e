"""The gate's own connections: opened when somebody asks, kept open, opened anew where they broke.

Workers have connections of their own. These are for what only looks.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.options import Options
from cli.session import ENV, Session
from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Cluster
    from workloads.gate import Gate

_SECONDS = 5  # that a connection, or one answer, may take
_KNOWN = 30  # seconds for which it counts what the cluster remembers
_Marks = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Way:
    """What is connected.

    Attributes:
        since: when the cluster was asked what it remembers, by time.monotonic().
        marks: of the files that the session has read.
    """

    session: Session
    fleet: Fleet
    cluster: Cluster
    gate: Gate
    since: float
    marks: _Marks
    stack: ExitStack


class Connected:
    """Connections to all nodes."""

    def __init__(self, begin: Callable[[], Session] | None = None) -> None:
        """Connect to nothing yet.

        Args:
            begin: returns a session that has read nothing yet.
        """
        self._begin = begin or (lambda: Session(Options(timeout=_SECONDS), "gate"))
        self._lock = threading.Lock()
        self._way: Way | None = None

    @contextmanager
    def way(self) -> Iterator[Way]:
        """Give what is connected; where a node fails within the block, the next one connects anew.

        Raises:
            SkpError: no manager can be asked, or the files are wrong.
        """
        with self._lock:
            way = self._way = self._current()
        try:
            yield way
        except NodeError:
            self._give_up(way)
            raise

    def _current(self) -> Way:
        way, now = self._way, time.monotonic()
        if way and way.marks == _marks() and now - way.since < _KNOWN:
            return way
        if way and way.marks == _marks():
            try:
                return replace(way, since=now, **_known(way.session, way.fleet))
            except NodeError:
                pass  # (It is connected anew.)
        self._close()
        with ExitStack() as stack:
            marks, session = _marks(), self._begin()
            fleet = stack.enter_context(session.fleet())
            return Way(session, fleet, since=now, marks=marks, **_known(session, fleet),
                       stack=stack.pop_all())  # fmt: skip

    def _give_up(self, way: Way) -> None:
        with self._lock:
            if self._way and self._way.fleet is way.fleet:
                self._close()

    def _close(self) -> None:
        way, self._way = self._way, None
        if way:
            way.stack.close()


def _known(session: Session, fleet: Fleet) -> dict[str, Any]:
    """Return what the cluster remembers, and the way to its deployments."""
    from cli.deployments import known_cluster
    from cli.doors import of_gateway
    from workloads.gate import Gate

    cluster = known_cluster(session, fleet)
    doors = of_gateway(session, cluster, fleet)
    return {"cluster": cluster, "gate": Gate(cluster, fleet, doors=doors)}


def _marks() -> _Marks:
    """Return what tells whether the files that may change while the gate runs have changed."""
    settings = os.environ.get(ENV)
    files = sorted(Path(settings).parent.glob("*")) if settings else []
    found = ((each.name, each.stat()) for each in files)
    return tuple((name, seen.st_ino, seen.st_mtime_ns) for name, seen in found)
