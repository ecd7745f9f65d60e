"""A client of the gate, as the gate sees it: what it says, what it is answered."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Mapping
from typing import Any

from cli.command import document
from cluster.errors import ConfigError
from gate.protocol import MOST_LINE, Request, parse

_SECONDS = 60  # for a request to be whole, and for one line to be taken


class GoneError(Exception):
    """The client has closed its connection."""


class Client:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        """Serve this connection."""
        self._connection, self._gone = connection, threading.Event()
        connection.settimeout(_SECONDS)
        self._reader = connection.makefile("rb")

    def request(self) -> Request:
        """Return what it asks for; raises ConfigError, GoneError."""
        try:
            line = self._reader.readline(MOST_LINE)
        except OSError:
            raise GoneError from None
        if not line.endswith(b"\n"):
            raise ConfigError("a request is one line of JSON")
        return parse(line)

    def files(self, size: int) -> bytes:
        """Return the bytes that follow the request; raises GoneError."""
        try:
            found = self._reader.read(size)
        except OSError:
            raise GoneError from None
        if len(found) != size:
            raise GoneError
        return found

    def line(self, text: str) -> None:
        """Tell a line of text. That nobody reads it is seen by `is_gone`."""
        self._say({"line": text})

    def answer(self, found: Mapping[str, Any]) -> None:
        """Tell the result."""
        self._say({"result": dict(found)})

    def refuse(self, error: ConfigError) -> None:
        """Tell that the request is refused, and why."""
        for each in f"skp: {error}".splitlines():
            self.line(each)
        self.answer(document(error))

    def is_gone(self) -> bool:
        """Whether it has closed its connection: it says nothing more after its request."""
        if not self._gone.is_set() and select.select([self._connection], [], [], 0)[0]:
            self._gone.set()
        return self._gone.is_set()

    def _say(self, what: Mapping[str, Any]) -> None:
        try:
            self._connection.sendall(json.dumps(what, ensure_ascii=False).encode() + b"\n")
        except OSError:
            self._gone.set()
