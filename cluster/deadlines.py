"""One table of how long anything may take, in seconds. `SKP_TIMEOUT_<NAME>` overrides an entry."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Deadlines:
    """Deadlines in seconds.

    Attributes:
        connect: TCP connect, SSH handshake and login of one node.
        request: one ordinary request to a node's engine, or one short command on a node.
        swarm: one change of Swarm membership, label or network, with its retries.
        start: `docker start`; the engine itself gives up a network attachment after 20 s.
        healthy: from started to healthy, for one container.
        stop: added to a container's own stop timeout.
        transfer: copying one image to one node (pull or stream).
        busy: waiting for a container at work (`--busy wait`).
        settled: waiting until the next of a service's containers may be replaced.
        build: building and pushing one image.
        move: moving the platform's data to its own folder, and handing over the users'.
    """

    connect: float = 10
    request: float = 30
    swarm: float = 60
    start: float = 45
    healthy: float = 180
    stop: float = 15
    transfer: float = 900
    busy: float = 3600
    settled: float = 600
    build: float = 3600
    move: float = 14400

    def capped(self, limit: float | None) -> Deadlines:
        """Return the same table with no entry above `limit` seconds (the `--timeout` option)."""
        if limit is None:
            return self
        return replace(self, **{f.name: min(getattr(self, f.name), limit) for f in fields(self)})


NAMES: tuple[str, ...] = tuple(f.name for f in fields(Deadlines))


class Deadline:
    """A point in time, `seconds` after it was made."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() > self._end
