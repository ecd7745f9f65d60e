"""A gate on real sockets, with workers and a cluster that are not there."""

from __future__ import annotations

import io
import json
import os
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import NodeError, SkpError
from gate import records, server, works
from gate.looking import Look
from gate.protocol import Action, Request
from gate.records import State
from gate.server import Server
from tests.support.eventually import eventually
from workloads.accounts import Account, Membership, NoAccountError

OK = {"ok": True, "exit_code": 0, "settled": True, "deployment": "web", "revision": 1}
FAILED = {"ok": False, "exit_code": 1, "error": "it does not work", "settled": True}


class Worker:
    """In place of `Job`: notes what it is given, waits until it may end, and answers.

    Attributes:
        runs: what was asked. may_end: of a test, for all workers. begun: one more for each.
        answers: what workers of an action return, one after another; the last one goes on.
    """

    runs: list[Request] = []  # noqa: RUF012 - of a test at a time
    may_end = threading.Event()
    begun = threading.Semaphore(0)
    answers: dict[Action, list[dict[str, Any]]] = {}  # noqa: RUF012
    at_once: dict[str, int] = {}  # noqa: RUF012
    most_at_once = 0

    def __init__(self) -> None:
        self.was_ended, self._told = False, threading.Event()

    @classmethod
    def reset(cls) -> None:
        """Forget what an earlier test did."""
        cls.runs, cls.may_end, cls.begun = [], threading.Event(), threading.Semaphore(0)
        cls.answers, cls.at_once, cls.most_at_once = {}, {}, 0

    def run(
        self,
        request: Request,
        folder: Path,  # noqa: ARG002 - as `Job` has it
        line: Callable[[str], None],
        is_gone: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        if request.action is Action.RECOVER:
            Worker.runs.append(request)
            records.keep_state(Path(os.environ["SKP_GATE_ROOT"]), request.project, State())
            return {"ok": True, "exit_code": 0}
        project = request.project
        Worker.at_once[project] = Worker.at_once.get(project, 0) + 1
        Worker.most_at_once = max(Worker.most_at_once, Worker.at_once[project])
        Worker.runs.append(request)
        Worker.begun.release()
        line(f"begun {request.name or project}")
        try:
            return self._ended(request, is_gone)
        finally:
            Worker.at_once[project] -= 1

    def _ended(self, request: Request, is_gone: Callable[[], bool]) -> dict[str, Any]:
        while not self.may_end.wait(0.01):
            if is_gone() or self._told.is_set():
                self.was_ended = True
                return {"ok": False, "exit_code": 130, "settled": True}
        left = self.answers.get(request.action, [])
        found = left.pop(0) if len(left) > 1 else left[0] if left else {**OK, "ended": "deployed"}
        return {"revisions": {"vision/web": 1}, **found}

    def end(self) -> None:
        self.was_ended = True
        self._told.set()


class Reader:
    """In place of the real one: accounts and a look that a test says."""

    def __init__(self) -> None:
        self.error: SkpError | None = None
        self.looked = 0
        self.connected: Any = None
        rows = [
            {"id": 0, "project": project, "deployment": name, "phase": "Running"}
            for project, name in (("vision", "web"), ("vision", "api"), ("other", "web"))
        ]
        self.found = Look(rows, [{"name": "c01", "state": "ready"}], 12.0)

    def account(self, name: str) -> Account:
        if self.error:
            raise self.error
        roles = {"kim": "owner", "lee": "viewer"}
        if name not in {**roles, "nobody": ""}:
            raise NoAccountError(f"there is no account {name}")
        within = {"vision": Membership(20000, roles[name])} if name in roles else {}
        return Account(name, 20001, within)

    def look(self) -> Look:
        self.looked += 1
        return self.found

    def history(self, of: str) -> list[dict[str, Any]]:
        return [{"revision": 1, "of": of}]


@contextmanager
def gate(root: Path, monkeypatch: pytest.MonkeyPatch, reader: Reader) -> Iterator[Server]:
    """Run a gate; its sockets are `git` and `api` below `root`."""
    monkeypatch.setattr(works, "Job", Worker)
    monkeypatch.setattr(server, "Reader", lambda *_: reader)
    monkeypatch.setattr(works, "_AGAIN", 0.01)
    monkeypatch.setattr(server, "_PAUSE", 0.02)
    monkeypatch.setenv("SKP_GATE_ROOT", str(root))
    own = frozenset({os.getuid()})
    found, serving = Server(root, own, own), list[threading.Thread]()
    found.begin()
    for name, door in (("git", found.git), ("api", found.api)):
        listener = socket.socket(socket.AF_UNIX)
        (root / name).unlink(missing_ok=True)
        listener.bind(str(root / name))
        listener.listen(256)
        serving.append(threading.Thread(target=_serve, args=(found, listener, door), daemon=True))
        serving[-1].start()
    try:
        yield found
    finally:
        found.end()
        for each in serving:
            each.join(5)


def _serve(found: Server, listener: socket.socket, door: Any) -> None:
    with listener:
        found.serve(listener, door)


def ask(
    path: Path, said: Mapping[str, Any], archive: bytes = b"", lines: list[str] | None = None
) -> Any:
    """Return the result of a request."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        more = {"files": len(archive)} if archive else {}
        client.sendall(json.dumps({**said, **more}).encode() + b"\n" + archive)
        with client.makefile("rb") as answers:
            for line in answers:
                found = json.loads(line)
                if "result" in found:
                    return found["result"]
                if lines is not None:
                    lines.append(found["line"])
    return None


def archive(names: Sequence[str] = ("Deployments/web/deployment.yaml",), text: str = "x") -> bytes:
    """Return an archive of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def away() -> NodeError:
    """Return the error of a service that is not there."""
    return NodeError("c01", "the account service does not run there")


FILES_OF_WEB = archive()


class Api:
    """Asks as the API does, for the account kim."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path, self.reader = path, reader

    def ask(self, action: str, files: bytes = b"", **more: Any) -> Any:
        said = {"account": "kim", "project": "vision", "action": action, **more}
        return ask(self.path, said, files)

    def submit(self, files: bytes = FILES_OF_WEB, **more: Any) -> Any:
        given = {"verb": "apply", "name": "web", **more}
        return self.ask("submit", files if given["verb"] == "apply" else b"", **given)

    def state(self, made: Any) -> str:
        return str(self.ask("operation", id=made["id"])["state"])

    def ends(self, made: Any) -> Any:
        eventually(lambda: self.state(made) not in ("pending", "running"))
        return self.ask("operation", id=made["id"])
