"""Portainer's API on a played node."""

from __future__ import annotations

import json

from cluster.connectors.base import Completed
from tests.support.fake_machine import FakeMachine
from tests.support.fakes import Ran, done


class FakePortainer:
    """Portainer's API on a node, as `exchange` reaches it through the node's shell.

    Attributes:
        known: the URLs of its agents.
    """

    def __init__(self, machine: FakeMachine) -> None:
        """Have it listen on the loopback of `machine`."""
        self.known: list[str] = []
        machine.connection.on_run("/dev/tcp/127.0.0.1/8051 ", self._answer)

    def _answer(self, ran: Ran) -> Completed:
        assert isinstance(ran.stdin, bytes)
        head, _, body = ran.stdin.partition(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        if path == "/api/users/admin/check":
            return done(0, "HTTP/1.1 204 No Content\r\n\r\n")
        if (method, path) == ("POST", "/api/endpoints"):
            self.known.append(body.decode().partition('name="URL"')[2].split()[0])
        told = {"/api/auth": {"jwt": "t"}, "/api/endpoints": [{"URL": u} for u in self.known]}
        text = json.dumps(told.get(path, {}))
        return done(0, f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}")
