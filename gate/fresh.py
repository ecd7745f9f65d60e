"""An answer that is asked for once, however many want it at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from cluster.errors import SkpError, unexpected

T = TypeVar("T")
_LONGEST = 60  # seconds; who asks has shorter deadlines


class Fresh(Generic[T]):
    """Asks when somebody wants an answer and there is none that is young enough; else never."""

    def __init__(self, seconds: float, ask: Callable[[], T]) -> None:
        """Ask with `ask`.

        Args:
            seconds: how old an answer may be. An error is one, too: who wants an answer then does
                not wait for as many tries as there are others.
        """
        self._seconds, self._ask = seconds, ask
        self._changed = threading.Condition()
        self._count, self._is_asking = 0, False
        self._asked = float("-inf")
        self._last: T | SkpError = SkpError("nothing was asked yet")

    def get(self) -> T:
        """Return an answer; raises the SkpError of who asked."""
        with self._changed:
            if self._is_asking:
                before = self._count
                self._changed.wait_for(lambda: self._count != before, _LONGEST)
                return _given(self._last)
            if time.monotonic() - self._asked <= self._seconds:
                return _given(self._last)
            self._is_asking, asked = True, time.monotonic()
        found = self._tried()
        with self._changed:
            self._last, self._asked = found, asked
            self._count, self._is_asking = self._count + 1, False
            self._changed.notify_all()
        return _given(found)

    def _tried(self) -> T | SkpError:
        try:
            return self._ask()
        except SkpError as error:
            return error
        except Exception as error:  # noqa: BLE001 - others wait for an answer, and it is reported
            return unexpected("gate", error)


def _given(value: T | SkpError) -> T:
    if isinstance(value, SkpError):
        raise value.with_traceback(None)
    return value
