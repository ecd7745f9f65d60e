"""Being told to end: at once where a worker only waits, and never within a change.

A request that an engine has, and whose answer nobody waits for any more, may still be carried out
after what came before it was taken back. So a change is ended by its own end alone.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """Whether the process was told to end."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self._is_held = self._was_told = False

    def listen(self) -> None:
        """Have the next signal raise KeyboardInterrupt; further ones are nothing."""
        for each in _SIGNALS:
            signal.signal(each, self._told)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Carry the block out to its end; raises KeyboardInterrupt after it, if one was told."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if the process was told to end within a block of `held`."""
        if self._was_told:
            self._was_told = False
            raise KeyboardInterrupt

    def ignore(self) -> None:
        """Listen no more: what follows is the end."""
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)

    def _told(self, *_: object) -> None:
        self.ignore()
        if not self._is_held:
            raise KeyboardInterrupt
        self._was_told = True


ENDING = Ending()
