"""TANGO's project manager as a client, a gate that says what a test has it say, and both joined."""

from __future__ import annotations

import io
import ipaddress
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api import facade
from api.facade_answers import Style
from api.facade_config import Config
from api.facade_report import Reporter
from api.facade_status import UNDER_WAY
from api.facade_who import Open, Whose
from api.gate_client import Gate
from api.people import Membership, Who
from api.problems import ProblemError, handle
from gate.protocol import Action, Request
from tests.support import api_stand_ins
from tests.support.api_stand_ins import GateStandIn

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


def row(phase: str = "Running", name: str = "tango-kim--7", project: str = "vision") -> Any:
    """Return a container as the gate tells it."""
    return api_stand_ins.row(project, name, phase=phase)


def operation(number: int, verb: str, state: str, **more: Any) -> dict[str, Any]:
    """Return an operation as the gate tells it."""
    ended = time.time() if state not in UNDER_WAY else None
    said = {"verb": verb, "state": state, "ended": ended, **more}
    return api_stand_ins.operation(number, **said)


@dataclass
class Cluster:
    """What the gate says there is: it carries out what it is asked when it is asked again.

    Attributes:
        operations: by project and deployment, the newest first. rows: all containers.
        texts: the files that were submitted.
        is_idle: whether nothing is carried out. fails: why what is carried out fails; "" else.
        refuses: the kind and the text of an error that answers everything; ("", "") for none.
        unknown: why nothing can be read. age: seconds that the next look is old.
        cancelled: whether something was.
    """

    operations: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    is_idle: bool = False
    fails: str = ""
    refuses: tuple[str, str] = ("", "")
    unknown: str = ""
    age: float = 0.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    _keys: dict[tuple[str, ...], tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stand_in(self, gate: GateStandIn) -> None:
        """Have a stand-in for the gate's socket answer so."""

        def answer(request: Request) -> list[dict[str, Any]]:
            files = next(data for asked, data in reversed(gate.asked) if asked is request)
            return [{"result": self.answer(request, files)}]

        gate.answers = dict.fromkeys(map(str, Action), answer)

    def answer(self, request: Request, files: bytes) -> dict[str, Any]:
        """Return the result of a request."""
        with self._lock:
            if self.refuses[0]:
                kind, error = self.refuses
                return {"ok": False, "kind": kind, "exit_code": 1, "error": error, "hint": ""}
            if request.action is Action.SUBMIT:
                return self._submitted(request, files)
            self._carry_out()
            if request.action is Action.OPERATIONS:
                found = self.operations.get((request.project, request.name), [])
                return {"operations": [{**each, "rows": []} for each in found]}
            if request.action is Action.LOOK:
                return self._seen(request)
            every = [each for some in self.operations.values() for each in some]
            known = next(each for each in every if each["id"] == request.id)
            if request.action is Action.CANCEL and known["state"] in UNDER_WAY:
                known |= {"state": "cancelled", "ended": time.time()}
                self.cancelled.set()
            return known

    def _submitted(self, request: Request, files: bytes) -> dict[str, Any]:
        key = (request.account, request.project, request.key)
        content = (request.verb, request.name, files)
        if key not in self._keys:
            if files:
                self.texts.append(_text(files, request.name))
            number = sum(map(len, self.operations.values())) + 1
            begun = operation(
                number, request.verb, "pending", deployment=request.name, account=request.account
            )
            self.operations.setdefault((request.project, request.name), []).insert(0, begun)
            self._keys[key] = (content, begun)
        known, begun = self._keys[key]
        if known == content:
            return dict(begun)
        what = "the key was used for something else"
        return {"ok": False, "kind": "conflict", "exit_code": 1, "error": what, "hint": ""}

    def _seen(self, request: Request) -> dict[str, Any]:
        wanted = (request.project, request.name)
        found = [each for each in self.rows if (each["project"], each["deployment"]) == wanted]
        as_of, self.age = time.time() - self.age, 0.0
        return {"deployments": found, "nodes": [], "as_of": as_of, "unknown": self.unknown}

    def _carry_out(self) -> None:
        for (project, name), every in self.operations.items():
            for each in reversed([] if self.is_idle else every):
                if each["state"] in UNDER_WAY:
                    self._end(each, project, name)

    def _end(self, each: dict[str, Any], project: str, name: str) -> None:
        if not self.fails:
            others = [r for r in self.rows if (r["project"], r["deployment"]) != (project, name)]
            now = [row(name=name, project=project)] if each["verb"] == "apply" else []
            self.rows = others + now
        state = "failed" if self.fails else "succeeded"
        each |= {"state": state, "ended": time.time(), "reason": self.fails}


def _text(files: bytes, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(files)) as tar:
        (member,) = tar.getmembers()
        assert member.name == f"Deployments/{name}/deployment.yaml"
        found = tar.extractfile(member)
        return found.read().decode() if found else ""


@contextmanager
def standing_in(folder: Path) -> Iterator[Cluster]:
    """Have a stand-in for the gate listen at `folder`/socket."""
    cluster, gate = Cluster(), GateStandIn(folder / "socket")
    cluster.stand_in(gate)
    try:
        yield cluster
    finally:
        gate.close()


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
    plain = Config(Style(style), folder / "shared", "", Open(), browsers=False)
    return replace(plain, **more)


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
    async with httpx.AsyncClient(
        transport=transport, base_url="http://skp", trust_env=False
    ) as client:
        # (The manager's library is not httpx.)
        said = {"User-Agent": "python-requests/2.32", **(headers or {})}
        return await client.request(method, path, headers=said, timeout=60)


def shared(folder: Path, user: str = "kim", project: str = "7", text: str = ONE) -> Path:
    """Write a deployment.yaml into the shared folder, and return its path."""
    path = folder / "shared" / "common" / user / project / "deployment.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
