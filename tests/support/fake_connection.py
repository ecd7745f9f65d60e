"""A `Connection` that is a script: shell commands, and a real Engine client over fake HTTP."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import IO, Any, TypeAlias, TypeVar
from urllib.parse import unquote_plus

import requests
from docker.transport.basehttpadapter import BaseHTTPAdapter

from cluster.connectors import base
from cluster.connectors.base import Completed, OnLine
from cluster.connectors.engine import API_VERSION, Engine
from cluster.connectors.shell import AS_ROOT
from tests.support.fake_http import Reply, frames, reply, response
from tests.support.faults import Obstacle

_BASE = "http+docker://localhost"  # tells Docker's SDK that there is a file below a response


class UnscriptedError(BaseException):
    """A test did not say what is answered to this; no `except Exception` may swallow it."""


@dataclass(frozen=True)
class Ran:
    """A shell command as it arrived; a script that is a function may read and write with it."""

    command: str
    stdin: bytes | IO[bytes]
    deadline: float
    on_line: OnLine | None = None


@dataclass(frozen=True)
class Request:
    """A request to the engine as it arrived.

    Attributes:
        path: without the API's version, with its query as it is read by people.
        body: the JSON value, or the bytes of what is none; None without a body.
        timeout: seconds that the client would have waited for an answer.
    """

    method: str
    path: str
    body: Any
    timeout: float

    def __str__(self) -> str:
        if isinstance(self.body, bytes):
            return f"{self.method} {self.path} <{len(self.body)} bytes>"
        # The SDK sends an empty object where there is nothing to say.
        shown = f" {json.dumps(self.body, sort_keys=True)}" if self.body else ""
        return f"{self.method} {self.path}{shown}"


Answer: TypeAlias = Reply | BaseException | Callable[[Request], Reply]
Outcome: TypeAlias = Completed | BaseException | Callable[[Ran], Completed]


def done(exit_code: int = 0, stdout: str = "", stderr: str = "") -> Completed:
    """Return the end of a shell command."""
    return Completed(exit_code, stdout.encode(), stderr.encode())


class FakeConnection:
    """A `Connection` that answers from a script and notes all that it is asked.

    Attributes:
        wire: a line for each command and request, e.g. `GET /containers/json?all=1`.
        commands, requests: the same as values.
        closed: whether it was ended.
        obstacle: what lets an exchange fail; None for nothing.
    """

    def __init__(self, name: str, shared: list[str] | None = None) -> None:
        """Make a connection to a node that answers nothing yet.

        Args:
            shared: takes the lines of several nodes, each with its name in front.
        """
        self.name = name
        self.wire: list[str] = []
        self.commands: list[Ran] = []
        self.requests: list[Request] = []
        self.closed = False
        self.obstacle: Obstacle | None = None
        self._shared = shared
        self._answers: dict[str, list[Answer]] = {}
        self._outcomes: dict[str, list[Outcome]] = {}
        self._execs: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._counter = itertools.count(1)
        self._lock = threading.Lock()

    def on(self, pattern: str, *answers: Answer) -> None:
        """Script the answers to requests.

        Args:
            pattern: "METHOD /path" with * as in file names; the query counts only if the pattern
                has a "?". Of several patterns that match, the one scripted last counts.
            answers: one request after another; the last one is repeated. An exception is raised
                (requests.exceptions.ReadTimeout() for an engine that does not answer), a function
                is called with the Request.
        """
        _script(self._answers, pattern, answers)

    def on_run(self, part: str, *outcomes: Outcome) -> None:
        """Script the ends of shell commands that contain `part`; see `on` for their order.

        An exception is raised; a function is called with the `Ran`. Each line of a Completed's
        standard error goes to on_line.
        """
        _script(self._outcomes, part, outcomes)

    def on_exec(self, container: str, part: str, *results: tuple[int, str]) -> None:
        """Script commands in a container (exec_create, exec_output, exec_inspect).

        Args:
            container: its name or id as it is asked for.
            part: what the command, its words joined by blanks, contains.
            results: exit code and output, one command after another; the last is repeated.
        """
        _script(self._execs, (container, part), results)
        self.on("POST /containers/*/exec", self._create_exec)

    def _create_exec(self, request: Request) -> Reply:
        container, command = request.path.split("/")[2], " ".join(request.body["Cmd"])
        with self._lock:
            found = _next(self._execs, lambda key: key[0] == container and key[1] in command)
            ident = f"exec-{next(self._counter)}"
        if found is None:
            raise UnscriptedError(f"{self.name}: no end is scripted of: {command} in {container}")
        code, text = found
        self.on(f"POST /exec/{ident}/start", Reply(101, (frames(text),) if text else (), raw=True))
        self.on(f"GET /exec/{ident}/json", reply({"ExitCode": code}))
        return reply({"Id": ident}, 201)

    def run(
        self,
        command: str,
        *,
        deadline: float,
        stdin: bytes | IO[bytes] = b"",
        on_line: OnLine | None = None,
    ) -> Completed:
        """Note the command and end it as scripted; see `Connection.run`.

        What begins every script of root is left out of both.
        """
        command = command.replace(AS_ROOT, "")
        ran = Ran(command, stdin, deadline, on_line)
        given = f" < {len(stdin)} bytes" if isinstance(stdin, bytes) else " < stream"
        self._note(f"run: {command}{given if stdin else ''}")
        self.commands.append(ran)
        if self.obstacle is None:
            return self._end(ran)
        return self.obstacle.command(self.name, partial(self._end, ran))

    def run_watched(
        self,
        command: str,
        *,
        deadline: float,
        on_output: OnLine | None = None,
        answer: base.Answer | None = None,
    ) -> Completed:
        """As `run`, with the answer for what the command reads."""
        given = f"{answer.text.reveal()}\n".encode() if answer else b""
        found = self.run(command, stdin=given, deadline=deadline)
        if on_output is not None:
            for line in (found.stdout + found.stderr).decode().splitlines():
                on_output(line)
        return found

    def _end(self, ran: Ran) -> Completed:
        with self._lock:
            found = _next(self._outcomes, lambda part: part in ran.command)
        if found is None:
            raise UnscriptedError(f"{self.name}: no outcome is scripted of: {ran.command}")
        if isinstance(found, BaseException):
            raise found.with_traceback(None)  # or one raised often drags a trace along
        if not isinstance(found, Completed):
            return found(ran)
        if ran.on_line is not None:
            for line in found.stderr.decode().splitlines():
                ran.on_line(line)
        return found

    def engine(self, deadline: float) -> Engine:
        """Return a real client of a scripted engine."""
        return Engine(_BASE, _Adapter(self), deadline)

    def close(self) -> None:
        """Note that it was ended."""
        self.closed = True

    def answer(self, request: Request) -> Reply:
        """Note a request and return what is scripted for it, or raise that."""
        self._note(str(request))
        self.requests.append(request)
        if self.obstacle is None:
            return self._reply(request)
        return self.obstacle.request(partial(self._reply, request))

    def _reply(self, request: Request) -> Reply:
        short = f"{request.method} {request.path.partition('?')[0]}"
        whole = f"{request.method} {request.path}"
        with self._lock:
            found = _next(
                self._answers,
                lambda pattern: fnmatchcase(whole if "?" in pattern else short, pattern),
            )
        if found is None:
            raise UnscriptedError(f"{self.name}: no answer is scripted to: {request}")
        if isinstance(found, BaseException):
            raise found.with_traceback(None)  # or one raised often drags a trace along
        return found if isinstance(found, Reply) else found(request)

    def _note(self, line: str) -> None:
        self.wire.append(line)  # atomic, as threads may do it at once
        if self._shared is not None:
            self._shared.append(f"{self.name}: {line}")


class _Adapter(BaseHTTPAdapter):
    """Takes requests in place of a socket."""

    def __init__(self, connection: FakeConnection) -> None:
        super().__init__()
        self._connection = connection

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        """Note a request and answer it; `timeout` is among the options."""
        assert request.method is not None
        path = unquote_plus(request.path_url.removeprefix(f"/v{API_VERSION}"))
        body = _read(request.body)
        asked = Request(request.method, path, body, options["timeout"])
        answer = self._connection.answer(asked)
        built: requests.Response = self.build_response(request, response(answer, request.method))
        return built


def _read(body: Any) -> Any:
    """Return what a request carries: JSON as a value, anything else as bytes."""
    if body is None:
        return None
    if isinstance(body, str):
        body = body.encode()
    data = body if isinstance(body, bytes) else b"".join(body)
    try:
        return json.loads(data)
    except ValueError:
        return data


K = TypeVar("K")
V = TypeVar("V")


def _script(script: dict[K, list[V]], key: K, answers: Iterable[V]) -> None:
    script.pop(key, None)  # so that it counts as the last
    script[key] = list(answers)
    assert script[key], f"{key}: at least one answer"


def _next(script: Mapping[K, list[V]], matches: Callable[[K], bool]) -> V | None:
    found = next((script[key] for key in reversed([*script]) if matches(key)), None)
    if found is None:
        return None
    return found.pop(0) if len(found) > 1 else found[0]
