"""TANGO's project manager as a client, a gate that says what a test has it say, and both joined."""

from __future__ import annotations

import io
import ipaddress
import json
import socketserver
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api import facade
from api.facade_answers import Style
from api.facade_config import Config
from api.facade_report import Reporter
from api.facade_who import Open, Whose
from api.gate_client import Gate
from api.people import Membership, Who
from api.problems import ProblemError, handle

ONE = """\
build:
  architecture: linux/amd64
  image_uri: localhost:5000/team/web:2
  components:
    engine: pytorch
    libs: [python==3.9]
    custom_packages: {atp: [vim], papi: [flask]}
deploy:
  type: docker
  service_name: hello
  entrypoint: web.py 'one two'
  network: {service_host_ip: 1.2.3.4, service_host_port: 8088}
"""
_IDS = "op_{:026d}"


def operation(number: int, verb: str, state: str, **more: Any) -> dict[str, Any]:
    """Return an operation as the gate tells it."""
    ended = time.time() if state not in ("pending", "running") else None
    return {
        "id": _IDS.format(number),
        "verb": verb,
        "state": state,
        "phase": "",
        "reason": "",
        "hint": "",
        "exit_code": None,
        "created": time.time(),
        "started": None,
        "ended": ended,
        "revision": None,
        "rows": [],
    } | more


def row(phase: str = "Running", name: str = "tango-kim--7", project: str = "vision") -> Any:
    """Return a container as the gate tells it."""
    return {"project": project, "deployment": name, "part": "main", "phase": phase}


class StandIn(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """In place of the gate: it carries out what it is asked by saying that it is done.

    Attributes:
        operations: of a deployment, by project and name, the newest first. rows: all containers.
        asked: what it was asked. texts: the files of what was submitted.
        is_idle: whether nothing is carried out. fails: why what is carried out fails; "" else.
        refuses: an error that answers everything. age: seconds that a look is old.
    """

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        """Listen at a path."""
        super().__init__(str(path), _Handler)
        self.operations: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.rows: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.is_idle, self.fails, self.refuses, self.age = False, "", "", 0.0
        self._keys: dict[tuple[str, ...], tuple[Any, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def answered(self, said: dict[str, Any], files: bytes) -> dict[str, Any]:
        """Return the result of a request."""
        with self._lock:
            self.asked.append(said)
            if self.refuses:
                return {"ok": False, "exit_code": 2, "error": self.refuses, "hint": ""}
            do: dict[str, Any] = getattr(self, f"_{said['action']}")(said, files)
            return do

    def _submit(self, said: dict[str, Any], files: bytes) -> dict[str, Any]:
        key = (said["account"], said["project"], said["key"])
        content = (said["verb"], said["name"], files)
        known = self._keys.get(key)
        if known and known[0] != content:
            error = "the idempotency key was used for something else"
            return {"ok": False, "exit_code": 2, "error": error, "hint": ""}
        if known:
            return known[1]
        if files:
            with tarfile.open(fileobj=io.BytesIO(files)) as tar:
                (member,) = tar.getmembers()
                assert member.name == f"Deployments/{said['name']}/deployment.yaml"
                found = tar.extractfile(member)
                self.texts.append(found.read().decode() if found else "")
        where = (said["project"], said["name"])
        number = sum(map(len, self.operations.values())) + 1
        begun = operation(number, said["verb"], "pending", deployment=said["name"])
        self.operations.setdefault(where, []).insert(0, begun)
        self._keys[key] = (content, begun)
        return dict(begun)

    def _operations(self, said: dict[str, Any], _: bytes) -> dict[str, Any]:
        self._carry_out()
        return {"operations": self.operations.get((said["project"], said["name"]), [])}

    def _operation(self, said: dict[str, Any], _: bytes) -> dict[str, Any]:
        self._carry_out()
        return self._known(said["id"])

    def _cancel(self, said: dict[str, Any], _: bytes) -> dict[str, Any]:
        found = self._known(said["id"])
        found |= {"state": "cancelled", "ended": time.time(), "rows": []}
        return found

    def _look(self, said: dict[str, Any], _: bytes) -> dict[str, Any]:
        shown = [each for each in self.rows if each["project"] == said["project"]]
        return {"deployments": shown, "nodes": [], "as_of": time.time() - self.age}

    def _known(self, identity: str) -> dict[str, Any]:
        every = [each for some in self.operations.values() for each in some]
        return next(each for each in every if each["id"] == identity)

    def _carry_out(self) -> None:
        for (project, name), every in self.operations.items():
            for each in reversed([] if self.is_idle else every):
                if each["state"] in ("pending", "running"):
                    self._end(each, project, name)

    def _end(self, each: dict[str, Any], project: str, name: str) -> None:
        if not self.fails:
            others = [r for r in self.rows if (r["project"], r["deployment"]) != (project, name)]
            now = [row(name=name, project=project)] if each["verb"] == "apply" else []
            self.rows = others + now
            each["rows"] = now
        state = "failed" if self.fails else "succeeded"
        each |= {"state": state, "ended": time.time(), "reason": self.fails}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        said = json.loads(self.rfile.readline())
        files = self.rfile.read(said.pop("files"))
        assert isinstance(self.server, StandIn)
        result = self.server.answered(said, files)
        self.wfile.write(json.dumps({"result": result}).encode() + b"\n")


@contextmanager
def standing_in(folder: Path) -> Iterator[StandIn]:
    """Have a stand-in for the gate listen at `folder`/socket."""
    with StandIn(folder / "socket") as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        yield server
        server.shutdown()
        serving.join(5)


class People:
    """In place of the account service: a token is its account's name."""

    _known = (
        Who("kim", 1001, "user", {"vision": Membership(2001, "member")}),
        Who("lee", 1002, "user", {"vision": Membership(2001, "owner")}),
        Who("both", 1003, "user", dict.fromkeys(("audio", "vision"), Membership(2001, "member"))),
        Who("none", 1004, "user", {}),
        Who("lead", 1005, "manager", {"vision": Membership(2001, "member")}),
        Who("tango", 1006, "user", dict.fromkeys(("audio", "vision"), Membership(2001, "member"))),
    )

    async def who(self, token: str) -> Who:
        """Return whose a token is; raises ProblemError."""
        for each in self._known:
            if each.name == token:
                return each
        raise ProblemError(401, "the token is not valid: unknown, expired, or revoked")


def settled(folder: Path, style: str = "text", **more: Any) -> Config:
    """Return what is settled: a shared folder, and nobody who needs no token."""
    return Config(**{
        "style": Style(style), "shared": folder / "shared", "report": "", "open": Open(),
        "browsers": False,
    } | more)  # fmt: skip


def opened(*networks: str, **more: Any) -> Open:
    """Return that these networks may ask without a token, as the account tango in vision."""
    return Open(tuple(map(ipaddress.IPv4Network, networks)), Whose("tango", "vision"), **more)


def application(folder: Path, config: Config, told: Reporter | None = None) -> FastAPI:
    """Return the server, which asks the gate at `folder`/socket."""
    app = FastAPI()
    handle(app)
    app.include_router(facade.router(config, Gate(str(folder / "socket")), People(), told))
    return app


async def ask(
    app: FastAPI,
    path: str,
    headers: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
    method: str = "GET",
) -> httpx.Response:
    """Return what the server answers to a client at an address."""
    transport = httpx.ASGITransport(app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://skp") as client:
        # (The manager's library is not httpx.)
        said = {"User-Agent": "python-requests/2.32", **(headers or {})}
        return await client.request(method, path, headers=said, timeout=60)


def shared(folder: Path, user: str = "kim", project: str = "7", text: str = ONE) -> Path:
    """Write a deployment.yaml into the shared folder, and return its path."""
    path = folder / "shared" / "common" / user / project / "deployment.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
