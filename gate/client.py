"""A client of the gate, as the gate sees it: what it says, what it is answered."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from cluster.errors import ConfigError, SkpError
from gate.protocol import MOST_LINE, Request, parse
from gate.refusing import told

_CHUNK = 1 << 16


class GoneError(Exception):
    """The client has closed its connection, or is too slow."""


class Client:
    """One connection."""

    def __init__(
        self, connection: socket.socket, seconds: float, free: Callable[[], None] = lambda: None
    ) -> None:
        """Serve this connection.

        Args:
            seconds: for a request to be whole, and for one line to be taken.
            free: has the gate take another client in place of this one, which goes on for long.
        """
        self._connection, self._seconds, self.free = connection, seconds, free
        self._gone, self._had = threading.Event(), bytearray()
        self._ends = time.monotonic() + seconds

    def request(self) -> Request:
        """Return what it asks for; raises ConfigError, GoneError."""
        while b"\n" not in self._had and len(self._had) <= MOST_LINE:
            if not self._more():
                break
        line, end, rest = self._had.partition(b"\n")
        if not end or len(line) > MOST_LINE:
            raise ConfigError("a request is one line of JSON")
        self._had = rest
        return parse(bytes(line))

    def files(self, size: int) -> bytes:
        """Return the bytes that follow the request; raises GoneError."""
        while len(self._had) < size:
            if not self._more():
                raise GoneError
        return bytes(self._had[:size])

    def line(self, text: str) -> None:
        """Tell a line of text. That nobody reads it is seen by `is_gone`."""
        self._say({"line": text})

    def answer(self, found: Mapping[str, Any]) -> None:
        """Tell the result."""
        self._say({"result": dict(found)})

    def answer_with(self, found: bytes) -> None:
        """Tell a result that is JSON already."""
        self._send(b'{"result": ' + found + b"}\n")

    def refuse(self, error: SkpError) -> None:
        """Tell that the request is refused, and why."""
        for each in f"skp: {error}".splitlines():
            self.line(each)
        self.answer(told(error))

    def is_gone(self) -> bool:
        """Whether it has closed its connection: it says nothing more after its request."""
        if not self._gone.is_set():
            look = select.poll()  # (select(2) knows no descriptor above 1023.)
            look.register(self._connection, select.POLLIN)
            if look.poll(0):
                self._gone.set()
        return self._gone.is_set()

    def _more(self) -> bool:
        """Read on; returns whether there was more."""
        self._connection.settimeout(max(0.001, self._ends - time.monotonic()))
        try:
            data = self._connection.recv(_CHUNK)
        except OSError:
            raise GoneError from None
        self._had += data
        return bool(data)

    def _say(self, what: Mapping[str, Any]) -> None:
        self._send(json.dumps(what, ensure_ascii=False).encode(errors="replace") + b"\n")

    def _send(self, data: bytes) -> None:
        if self._gone.is_set():
            return
        try:
            # (For all of it: sendall(2) counts the deadline from its beginning.)
            self._connection.settimeout(self._seconds)
            self._connection.sendall(data)
        except OSError:
            self._gone.set()
