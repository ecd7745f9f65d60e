"""What git asks of the gate: a push is deployed while its client waits, or is taken back."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from cluster.errors import ConfigError
from gate import records
from gate.client import Client, GoneError
from gate.protocol import Action, Request
from gate.spool import unpacked
from gate.works import Works

_WAITING, _TOLD = 900, 15  # seconds: for another change of the project; between two lines of that


class Pushes:
    """Carries out what git asks for."""

    def __init__(self, works: Works) -> None:
        """Use these workers."""
        self._works = works

    def serve(self, request: Request, client: Client) -> None:
        """Carry out a request, and answer it; raises ConfigError, GoneError."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if request.files:
                unpacked(client.files(request.files), folder)
            if request.action in (Action.PLAN, Action.HISTORY):
                with self._works.job() as job:
                    client.answer(job.run(request, folder, client.line, client.is_gone))
                return
            with self._works.turns(request.project).place() as turn:
                self._wait(turn, client)
                self._in_turn(request, client, folder)

    def _wait(self, turn: threading.Event, client: Client) -> None:
        """Wait for the project's turn; the client is told what it waits for."""
        for told in range(_WAITING // _TOLD):
            if turn.wait(0.2 if not told else _TOLD):
                return
            client.line("waiting: another change of this project is being carried out")
            if client.is_gone() or self._works.ending.is_set():
                raise GoneError
        raise ConfigError(f"another change of this project goes on for {_WAITING} s: push again")

    def _in_turn(self, request: Request, client: Client, folder: Path) -> None:
        if request.action is Action.HOLD:
            with self._works.job() as job:
                client.answer(job.run(request, folder, client.line))
        else:
            self._pushed(request, client, folder)

    def _pushed(self, request: Request, client: Client, folder: Path) -> None:
        """Have a push deployed, and keep what became of it."""
        begun, log, root = time.time(), list[str](), self._works.root

        def line(text: str) -> None:
            log.append(text)
            client.line(text)

        number = records.next_id(root, request.project)
        with self._works.job() as job:
            found = job.run(request, folder, line, client.is_gone)
        if records.state(root, request.project).running is not None:
            self._works.recover()
        ended = found.get("ended") or ("taken back" if job.was_ended else "refused")
        push = records.Push(
            number, request.account, request.commit, begun, round(time.time() - begun, 1),
            ended, found.get("revisions", {}),
        )  # fmt: skip
        records.keep_push(root, request.project, push, log)
        client.answer({**found, "push": number})
