"""A clock that only moves when somebody looks at it or sleeps: waiting takes a test no time."""

from __future__ import annotations

import threading


class FakeClock:
    """Stands for the module `time` in a module that waits.

    Attributes:
        slept: seconds of all sleeps together.
        look: seconds that looking takes, so that a loop without a pause ends too.
    """

    def __init__(self) -> None:
        """Begin at an hour that means nothing."""
        self._now = 1_000.0
        self._lock = threading.Lock()
        self.slept, self.look = 0.0, 0.001

    def monotonic(self) -> float:
        """Return the seconds of the clock."""
        with self._lock:
            self._now += self.look
            return self._now

    def time(self) -> float:
        """Return the same seconds: no test compares them with a calendar."""
        return self.monotonic()

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        with self._lock:
            self._now += seconds
            self.slept += seconds
