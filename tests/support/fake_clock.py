"""A clock that only moves when somebody looks at it or sleeps: waiting takes a test no time."""

from __future__ import annotations

import threading

_LOOK = 0.001  # seconds that looking takes, so that a loop without a pause ends too


class FakeClock:
    """Stands for the module `time` in a module that waits.

    Attributes:
        slept: seconds of all sleeps together.
    """

    def __init__(self) -> None:
        """Begin at an hour that means nothing."""
        self._now = 1_000.0
        self._lock = threading.Lock()
        self.slept = 0.0

    def monotonic(self) -> float:
        """Return the seconds of the clock."""
        with self._lock:
            self._now += _LOOK
            return self._now

    def time(self) -> float:
        """Return the same seconds: no test compares them with a calendar."""
        return self.monotonic()

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        with self._lock:
            self._now += seconds
            self.slept += seconds
