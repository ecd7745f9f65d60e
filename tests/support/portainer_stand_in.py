"""A stand-in for Portainer: the few requests of its API that we send, as version 2.23 answers them.

It is not Portainer. Portainer comes as a public image only, and no registry of images can be
reached where these tests run.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "a-token"


@dataclass
class StandIn:
    """What it has, and what it was asked."""

    password: str
    admin: bool = True
    starting: int = 0  # how often it says that it is not ready yet
    port: int = 0
    environments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def running(state: StandIn) -> Iterator[StandIn]:
    """Serve `state` on a port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append(f"GET {self.path}")
            if self.path == "/api/system/status":
                state.starting -= 1
                self._say(503 if state.starting >= 0 else 200, {"Version": "2.23.0"})
            elif self.path == "/api/users/admin/check":
                self._say(204 if state.admin else 404, None)
            elif self.path == "/api/endpoints" and self._allowed():
                self._say(200, state.environments)
            else:
                self._say(404, {"message": "no such"})

        def do_POST(self) -> None:
            state.asked.append(f"POST {self.path}")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/api/auth":
                right = json.loads(body) == {"username": "admin", "password": state.password}
                self._say(200 if right else 422, {"jwt": TOKEN} if right else {"message": "no"})
            elif self.path == "/api/endpoints" and self._allowed():
                state.environments.append(self._form(body))
                self._say(200, state.environments[-1])
            else:
                self._say(404, {"message": "no such"})

        def _form(self, body: bytes) -> dict[str, Any]:
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            read = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
            return {
                str(
                    part.get_param("name", header="content-disposition")
                ): part.get_content().strip()
                for part in read.iter_parts()
            }

        def _allowed(self) -> bool:
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            if not allowed:
                self._say(401, {"message": "A valid authorisation token is missing"})
            return allowed

        def _say(self, status: int, what: Any) -> None:
            body = b"" if what is None else json.dumps(what).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        server.shutdown()
