"""Whose turn it is: one after another, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A line in which threads wait; the first one is whose turn it is."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock, self._waiting = threading.Lock(), deque[threading.Event]()

    @contextmanager
    def place(self) -> Iterator[threading.Event]:
        """Wait in line within the block; the event is set when it is one's turn."""
        mine = threading.Event()
        with self._lock:
            self._waiting.append(mine)
            self._waiting[0].set()
        try:
            yield mine
        finally:
            with self._lock:
                self._waiting.remove(mine)
                if self._waiting:
                    self._waiting[0].set()
