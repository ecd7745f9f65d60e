"""A deadline for everything that is done on a channel of an SSH connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko


@contextmanager
def closed_after(channel: paramiko.Channel, seconds: float) -> Iterator[threading.Event]:
    """Close `channel` if the block takes longer than `seconds`, which ends every wait on it.

    The event that the block gets tells whether that happened. paramiko's own timeouts cover
    single reads only, and neither the start of a command nor its exit status.
    """
    late = threading.Event()

    def give_up() -> None:
        late.set()
        channel.close()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
