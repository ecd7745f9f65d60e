"""Stand-ins for whom the API server asks: the gate on a socket, and the account service.

They prove what goes over the wire, and no more: what the gate does is tried in the lab.
"""

from __future__ import annotations

import io
import json
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from gate import protocol
from gate.protocol import Request

ISSUER, SECRET = "flask-skp", "the services' own word"
Answer = Callable[[Request], Iterable[dict[str, Any]]]


def result(**found: Any) -> Answer:
    """Return what answers with this result."""
    return lambda _: [{"result": found}]


def refusal(kind: str, error: str = "", **more: Any) -> Answer:
    """Return what refuses."""
    return result(ok=False, kind=kind, exit_code=1, error=error or kind, hint="", **more)


class GateStandIn:
    """Answers at a socket what a test has said, to requests that the real gate takes.

    Attributes:
        answers: by action. asked: the requests, each with its archive.
        open: how many connections there are.
    """

    def __init__(self, path: Path) -> None:
        """Listen at a path."""
        self.path, self.answers = path, dict[str, Answer]()
        self.asked, self.open = list[tuple[Request, bytes]](), 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def last(self) -> Request:
        """The last request."""
        return self.asked[-1][0]

    def files(self) -> dict[str, bytes]:
        """Return the files of the last request."""
        with tarfile.open(fileobj=io.BytesIO(self.asked[-1][1])) as tar:
            sources = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: source.read() for name, source in sources.items() if source}

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        self.open += 1
        try:
            with closing(connection), connection.makefile("rb") as reader:
                request = protocol.parse(reader.readline())
                self.asked.append((request, reader.read(request.files)))
                for said in self.answers[str(request.action)](request):
                    connection.sendall(json.dumps(said).encode() + b"\n")
        except OSError:
            pass
        finally:
            self.open -= 1


@cache
def own_key(_: str) -> rsa.RSAPrivateKey:
    """Return a key: the same for the same word."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class AccountsStandIn:
    """The account service's keys, and what it says of tokens.

    Attributes:
        tokens: what is said of each. asked: paths, in order. is_away: it answers with 503.
    """

    url: str
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False
    key: rsa.RSAPrivateKey = field(default_factory=lambda: own_key("the service's"))

    def access(self, name: str = "kim", key: Any = None, **more: Any) -> str:
        """Return an access token; further claims take the place of the usual ones."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": "skp", "exp": now + 300, "iat": now, "sub": name, "sid": "1",
            "uid": 20001, "level": "user", "projects": projects(vision="owner"), **more,
        }  # fmt: skip
        return jwt.encode(claims, key or self.key, "RS256", headers={"kid": "1"})

    def lasting(self, name: str, project: str = "", **roles: str) -> str:
        """Return a long-lived token of an account, which is bound to a project if one is named."""
        token = f"skp_{len(self.tokens):043}"
        self.tokens[token] = {
            "name": name, "uid": 20001, "level": "user", "projects": projects(**roles),
            "project": project, "label": "ci", "expires": int(time.time()) + 3600,
        }  # fmt: skip
        return token


def projects(**roles: str) -> list[dict[str, Any]]:
    """Return projects as the account service tells them."""
    return [{"name": name, "gid": 30001, "role": role} for name, role in roles.items()]


@contextmanager
def accounts() -> Iterator[AccountsStandIn]:
    """Give an account service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Accounts)
    found = AccountsStandIn(f"http://127.0.0.1:{server.server_port}")
    server.accounts = found  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


class _Accounts(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._of.key.public_key(), as_dict=True)
        self._say(200, {"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]})

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Skp-Service"] != SECRET or self.path != "/tokens/check":
            self._say(404, {})
            return
        found = self._of.tokens.get(said["token"])
        self._say(200 if found else 404, found or {})

    @property
    def _of(self) -> AccountsStandIn:
        return self.server.accounts  # type: ignore[attr-defined, no-any-return]

    def _say(self, status: int, document: Any) -> None:
        self._of.asked.append(self.path)
        data = json.dumps(document).encode()
        self.send_response(503 if self._of.is_away else status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def row(project: str = "vision", name: str = "web", **more: Any) -> dict[str, Any]:
    """Return a container as the gate tells it."""
    return {
        "id": 0, "project": project, "deployment": name, "copy": 0, "part": "main", "slot": 0,
        "revision": 3, "image": "skp/page@sha256:00", "node": "c01", "address": "10.0.0.1",
        "ports": [[80, 30001]], "gpus": [], "phase": "Running", "reasons": [], "task": "t",
        "container": "c", "mounts": [], "urls": [[80, "https://web.example.com"]], **more,
    }  # fmt: skip


def operation(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return an operation as the gate tells it."""
    return {
        "id": f"op_{number:026}", "project": "vision", "deployment": "web", "verb": "apply",
        "account": "kim", "state": "running", "phase": "", "reason": "", "hint": "",
        "exit_code": None, "created": 1000.5, "started": 1001.0, "ended": None,
        "revision": None, "rows": [], **more,
    }  # fmt: skip


def looked(*rows: dict[str, Any]) -> Answer:
    """Return what a look answers."""
    node = {
        "name": "c01", "role": "manager", "state": "ready", "availability": "active",
        "labels": {"gpu": "none"}, "gpus": [], "has": {"cpus": 4.0, "memory": 8, "gpus": 0},
        "reserved": {"cpus": 0.5, "memory": 1, "gpus": 0},
    }  # fmt: skip

    def answer(request: Request) -> list[dict[str, Any]]:
        wanted = [
            each for each in rows
            if request.project in ("", each["project"]) and request.name in ("", each["deployment"])
        ]  # fmt: skip
        found = {"deployments": wanted, "nodes": [node], "as_of": 1000.0, "unknown": ""}
        return [{"result": found}]

    return answer
