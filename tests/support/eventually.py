"""Waiting for what another thread is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECONDS = 5.0
_PAUSE = 0.002


def eventually(true: Callable[[], object]) -> None:
    """Return once `true` returns something true; fails after five seconds."""
    end = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(_PAUSE)
