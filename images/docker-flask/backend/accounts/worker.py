"""gunicorn's worker with threads, whose clients have a deadline for a whole request.

Its threads read requests themselves: one that is sent slowly, or never to its end, would keep a
thread for ever, and as many of them as there are threads keep everybody else away.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

SECONDS = 15
"""From when a thread begins to read a request until it is answered; then the connection ends."""


class Worker(ThreadWorker):  # gunicorn has no types
    """Ends connections whose request takes longer than `SECONDS`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._begun: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        """Read and answer a request, in a thread of its own."""
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._begun.pop(conn, None)

    def murder_pending(self) -> None:
        """End what takes too long; gunicorn's loop calls this each second."""
        super().murder_pending()
        late = time.monotonic() - SECONDS
        for conn, begun in list(self._begun.items()):
            if begun < late:
                # The thread that reads from it finds the connection closed.
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
