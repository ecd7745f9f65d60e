"""The logs of a deployment's containers, for a client that may go on listening."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from cli import log_view
from cluster.commands.logs import Ended, Event, Query, Source, read
from cluster.errors import NodeError
from cluster.model.redaction import known
from cluster.model.state import State
from gate.refusing import Kind, RefusedError

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from gate.connected import Connected

_LONGEST = 3600  # seconds that one follows
_PAUSE = 0.5
Say = Callable[[str, Mapping[str, str]], None]
"""Is told a line as text, and what its JSON says."""


def show(
    connected: Connected, of: str, wanted: Query, say: Say, is_gone: Callable[[], bool]
) -> int:
    """Tell the lines of a deployment's logs, and return how many logs could not be read.

    Args:
        of: "project/name". is_gone: whether nobody listens any more.

    Raises:
        RefusedError: there is none of that name. SkpError: no manager can be asked.
    """
    with connected.way() as way:
        rows = way.gate.rows(of)
    if not rows:
        raise RefusedError(Kind.UNKNOWN, f"there is no deployment {of}")
    sources = [Source(r.node, r.piece.name, r.container) for r in rows if r.container]
    names = {source.node for source in sources} & set(way.cluster.inventory.names)
    if not names:
        return 0
    # (Connections of its own: a log that goes on disturbs nothing that looks.)
    with way.session.fleet([way.cluster.inventory.host(name) for name in names]) as fleet:
        done = threading.Event()
        watch = threading.Thread(target=_watch, args=(fleet, is_gone, done), daemon=True)
        watch.start()
        there = [source for source in sources if source.node in fleet.nodes]
        lost = [_lost(fleet, source) for source in sources if source not in there]
        try:
            mask = known(way.cluster, State({}, {}, None))
            events = chain(lost, read(fleet, there, wanted, mask))
            return _say(events, say, several=len(sources) > 1)
        finally:
            done.set()


def _say(events: Iterable[Event], say: Say, *, several: bool) -> int:
    failed = 0
    for event in events:
        text, fields = log_view.told(event, several=several)
        failed += isinstance(event, Ended) and event.error is not None
        if fields:
            say(text, fields)
    return failed


def _lost(fleet: Fleet, source: Source) -> Ended:
    error = fleet.unreachable.get(source.node)
    return Ended(source, error=error or NodeError(source.node, "it is not connected"))


def _watch(fleet: Fleet, is_gone: Callable[[], bool], done: threading.Event) -> None:
    """End the connections, and so all reading, when nobody listens any more."""
    for _ in range(int(_LONGEST / _PAUSE)):
        if done.wait(_PAUSE):
            return
        if is_gone():
            break
    fleet.close()
