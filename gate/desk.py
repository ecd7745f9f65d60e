"""What the API asks of the gate: operations, looks, plans and logs, for accounts.

Who an account is says whoever asks; what it may do is asked of the account service.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli import output
from cluster.errors import ConfigError
from gate import log_reading
from gate.client import Client, GoneError
from gate.operation import Operation
from gate.protocol import Action, Request
from gate.refusing import Kind, RefusedError
from gate.spool import check, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.operations import Operations
    from gate.reader import Reader
    from gate.runner import Runner
    from gate.works import Works
    from workloads.accounts import Account

_LONG = 64  # clients that listen to something that goes on
_PLANS = 16  # clients that wait for a plan
_ARCHIVES = 4  # that are read at the same time


class Desk:
    """Answers what the API asks for."""

    def __init__(
        self, works: Works, operations: Operations, runner: Runner, reader: Reader
    ) -> None:
        """Use these."""
        self._works, self._operations = works, operations
        self._runner, self._reader = runner, reader
        self._long, self._plans = threading.Semaphore(_LONG), threading.Semaphore(_PLANS)
        self._archives = threading.Semaphore(_ARCHIVES)
        self._do: Mapping[Action, Callable[[Request, Client], None]] = {
            Action.SUBMIT: self._submit,
            Action.OPERATION: self._operation,
            Action.OPERATIONS: self._list,
            Action.FOLLOW: self._follow,
            Action.CANCEL: self._cancel,
            Action.LOOK: self._look,
            Action.PLAN_ONE: self._plan,
            Action.HISTORY: self._history,
            Action.LOGS: self._logs,
        }

    @property
    def actions(self) -> frozenset[Action]:
        """What may be asked for here."""
        return frozenset(self._do)

    def serve(self, request: Request, client: Client) -> None:
        """Carry out a request, and answer it; raises SkpError, GoneError."""
        self._do[request.action](request, client)

    def _submit(self, request: Request, client: Client) -> None:
        with self._archives:
            archive = client.files(request.files)
            self._changing(request)
            if archive:
                _check_one(archive)
            try:
                made = self._operations.submit(request, archive)
            except OSError as error:
                what = f"the operation could not be kept: {error.strerror}"
                raise RefusedError(Kind.FAILED, what) from None
        self._runner.begin(request.project)
        client.answer(made.document)

    def _operation(self, request: Request, client: Client) -> None:
        client.answer(self._seen(request).document)

    def _list(self, request: Request, client: Client) -> None:
        self._seeing(request)
        found = self._operations.among(request.project, request.name)
        client.answer({"operations": [each.summary for each in found]})

    def _follow(self, request: Request, client: Client) -> None:
        self._seen(request)
        with self._going_on(client, self._long):
            for line in self._operations.follow(request.project, request.id):
                if line is not None:
                    client.line(line)
                elif client.is_gone() or self._works.ending.is_set():
                    raise GoneError
            client.answer(self._operations.find(request.project, request.id).document)

    def _cancel(self, request: Request, client: Client) -> None:
        self._changing(request)
        found = self._operations.find(request.project, request.id)
        client.answer(self._runner.cancel(found).document)

    def _look(self, request: Request, client: Client) -> None:
        account = self._reader.account(request.account)
        if request.project:
            self._check_in(account, request.project)
        projects = [request.project] if request.project else list(account.projects)
        client.answer_with(self._reader.look().told(projects, request.name))

    def _plan(self, request: Request, client: Client) -> None:
        with self._going_on(client, self._plans), tempfile.TemporaryDirectory() as name:
            with self._archives:
                archive = client.files(request.files)
                self._changing(request)
                _check_one(archive)
                unpacked(archive, Path(name))
            with self._works.job() as job:
                client.answer(job.run(request, Path(name), client.line, client.is_gone))

    def _history(self, request: Request, client: Client) -> None:
        self._seeing(request)
        client.answer({"rows": self._reader.history(f"{request.project}/{request.name}")})

    def _logs(self, request: Request, client: Client) -> None:
        from cluster.commands.logs import Query

        def say(text: str, said: Mapping[str, str]) -> None:
            client.line(json.dumps(said) if request.json else output.log_line(text))

        def is_gone() -> bool:
            return client.is_gone() or self._works.ending.is_set()

        self._seeing(request)
        wanted = Query(follow=bool(request.follow), tail=request.tail or "all")
        with self._going_on(client, self._long):
            of = f"{request.project}/{request.name}"
            failed = log_reading.show(self._reader.connected, of, wanted, say, is_gone)
            client.answer({"failed": failed})

    @contextmanager
    def _going_on(self, client: Client, room: threading.Semaphore) -> Iterator[None]:
        """Have others be served meanwhile; raises RefusedError where too many go on already."""
        if not room.acquire(blocking=False):
            raise RefusedError(Kind.MANY, "too many clients wait already", "Try again later.")
        try:
            client.free()
            yield
        finally:
            room.release()

    def _seen(self, request: Request) -> Operation:
        self._seeing(request)
        return self._operations.find(request.project, request.id)

    def _seeing(self, request: Request) -> Account:
        """Return the account, which is in the project; else raises RefusedError."""
        account = self._reader.account(request.account)
        self._check_in(account, request.project)
        return account

    def _changing(self, request: Request) -> None:
        """Refuse an account that may not change the project."""
        try:
            self._seeing(request).check(request.project)
        except RefusedError:
            raise
        except ConfigError as error:
            raise RefusedError(Kind.FORBIDDEN, error.what) from None

    @staticmethod
    def _check_in(account: Account, project: str) -> None:
        if project not in account.projects:
            raise RefusedError(Kind.UNKNOWN, f"there is no project {project} for {account.name}")


def _check_one(archive: bytes) -> None:
    """Refuse files of anything but one folder."""
    folders = check(archive)
    if len(folders) != 1:
        what = f"the files of one folder are needed, found: {', '.join(sorted(folders)) or 'none'}"
        raise ConfigError(what)
