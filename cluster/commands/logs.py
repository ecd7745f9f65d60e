"""The logs of containers on several nodes at once, line by line, in bounded memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Full, Queue
from typing import TypeAlias

import docker.errors

from cluster.connectors.bounded import frames
from cluster.connectors.engine import Engine
from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import ConfigError, NodeError, unexpected
from cluster.model.redaction import Mask

# Bytes. A line that does not end is shown in pieces of about this length.
LONGEST = 1 << 16
# How many pieces, of a few lines each, may wait to be shown before reading pauses.
_WAITING = 64
_PAUSE = 0.5
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Query:
    """Which part of a log is wanted.

    Attributes:
        follow: go on as it grows, until the container ends.
        tail: so many of the last lines, "all" for all.
        since: seconds since the epoch, as the engine takes them; "" from the beginning.
    """

    follow: bool = False
    tail: str = "all"
    since: str = ""


@dataclass(frozen=True)
class Source:
    """A container whose log is read."""

    node: str
    name: str
    id: str


@dataclass(frozen=True)
class Line:
    """A line, without its end and with known secrets hidden; `stream` is stdout or stderr."""

    source: Source
    stream: str
    text: str


@dataclass(frozen=True)
class Ended:
    """The end of a log.

    Attributes:
        why: for a followed log, why it ended; else "".
        error: why it could not be read; None if it could.
    """

    source: Source
    why: str = ""
    error: NodeError | None = None


Event: TypeAlias = Line | Ended
_Pieces: TypeAlias = "Queue[list[Event]]"


def query(tail: str, since: str, now: float) -> Query:
    """Return the query that a command's options ask for; it does not follow.

    Args:
        tail: a number of lines, or "all" or "" for all.
        since: "10m", "2h", "1d", a date or a date with time (local, if it names no zone), or "".
        now: seconds since the epoch.

    Raises:
        ConfigError: an option is not of its form.
    """
    if not re.fullmatch(r"[0-9]{1,9}|all|", tail):
        raise ConfigError(f"--tail={tail}: allowed: a number of lines, or all")
    return Query(tail=tail or "all", since=_moment(since, now))


def _moment(text: str, now: float) -> str:
    if not text:
        return ""
    if ago := re.fullmatch(r"([0-9]{1,9})([smhd])", text):
        return f"{now - int(ago[1]) * _UNITS[ago[2]]:.3f}"
    try:
        return f"{datetime.fromisoformat(text).timestamp():.3f}"
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--since={text}: allowed: such as 90s, 10m, 2h, 1d, 2026-11-22, 2026-11-22T09:30"
        ) from None


def read(fleet: Fleet, sources: Sequence[Source], wanted: Query, mask: Mask) -> Iterator[Event]:
    """Read all logs at once and yield their lines, with one `Ended` for each log.

    Followed, lines come as they are written; else log after log, in the order of `sources`.
    """
    stop = threading.Event()
    shared: _Pieces = Queue(_WAITING)
    queues = {s: shared if wanted.follow else Queue(_WAITING) for s in sources}
    for source in sources:
        work = (fleet.nodes[source.node], source, wanted, mask, queues[source], stop)
        # Daemon threads, not the fleet's: a followed log may never end, and nothing waits for it.
        threading.Thread(target=_pump, args=work, daemon=True).start()
    try:
        if wanted.follow:
            yield from _drain(shared, len(sources))
        else:
            for source in sources:
                yield from _drain(queues[source], 1)
    finally:
        stop.set()


def _drain(queue: _Pieces, ends: int) -> Iterator[Event]:
    while ends:
        for event in queue.get():
            ends -= isinstance(event, Ended)
            yield event


def _pump(
    node: Node,
    source: Source,
    wanted: Query,
    mask: Mask,
    queue: _Pieces,
    stop: threading.Event,
) -> None:
    """Read one log into `queue`, until its end, an error, or `stop`."""
    ended = Ended(source)
    try:
        with node.talking(f"the log of {source.name}") as engine:
            for lines in _lines(engine, source, wanted, mask):
                if not _put(queue, lines, stop):
                    return
            if wanted.follow:
                ended = Ended(source, _why(engine, source))
    except NodeError as error:
        ended = Ended(source, error=error)
    except Exception as error:  # noqa: BLE001 - the other logs go on, and it is reported
        ended = Ended(source, error=unexpected(node.name, error))
    _put(queue, [ended], stop)


def _put(queue: _Pieces, events: list[Event], stop: threading.Event) -> bool:
    """Put `events` when there is room; return False when reading was stopped meanwhile."""
    while not stop.is_set():
        try:
            queue.put(events, timeout=_PAUSE)
            return True
        except Full:
            continue
    return False


def _lines(engine: Engine, source: Source, wanted: Query, mask: Mask) -> Iterator[list[Event]]:
    tty = engine.inspect_container(source.id)["Config"]["Tty"]
    options = {"stdout": "1", "stderr": "1", "tail": wanted.tail, "since": wanted.since}
    if wanted.follow:
        options["follow"] = "1"
    chunks = engine.log_chunks(source.id, {k: v for k, v in options.items() if v})
    cutters = {"stdout": Cutter(mask), "stderr": Cutter(mask)}
    for stream, data in (("stdout", c) for c in chunks) if tty else frames(chunks):
        if lines := cutters[stream].feed(data):
            yield [Line(source, stream, _decoded(line)) for line in lines]
    for stream, cutter in cutters.items():
        yield [Line(source, stream, _decoded(line)) for line in cutter.rest()]


def _decoded(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


def _why(engine: Engine, source: Source) -> str:
    """Return why a followed log ended."""
    try:
        state = engine.inspect_container(source.id)["State"]
    except docker.errors.NotFound:
        return "it was removed"
    return "it was restarted" if state["Running"] else f"it ended, exit code {state['ExitCode']}"


class Cutter:
    """Cuts bytes into lines with the secrets hidden; a line without end is cut into pieces."""

    def __init__(self, mask: Mask, longest: int = LONGEST) -> None:
        self._mask, self._longest = mask, max(longest, 2 * mask.overlap)
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the lines that are whole, without their ends."""
        *lines, rest = (self._rest + data).split(b"\n")
        lines = [self._mask.hide(line) for line in lines]
        while len(rest) > self._longest:
            hidden = self._mask.hide(rest)
            # The very end may be the beginning of a secret, so it is kept for the next piece.
            cut = min(self._longest, len(hidden) - self._mask.overlap)
            if cut > 0:
                lines.append(hidden[:cut])
            rest = hidden[max(cut, 0) :]
        self._rest = rest
        return lines

    def rest(self) -> list[bytes]:
        """Return what came after the last line's end, as a line."""
        return [self._mask.hide(self._rest)] if self._rest else []
