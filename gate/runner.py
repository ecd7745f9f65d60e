"""Carries operations out: those of a project one after another, in its turn.

What was running when the gate ended is carried out again: a worker goes on with what it finds.
"""

from __future__ import annotations

import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from cluster.errors import ConfigError, SkpError
from gate.job import LONGEST, Job
from gate.operation import Operation
from gate.operations import Operations
from gate.protocol import Action, Request, Verb
from gate.refusing import told
from gate.spool import unpacked
from gate.telling import log
from gate.works import Works

_AGAIN = 10  # seconds between two tries
_AWAY = 600  # seconds that the account service or the managers may be away before it has failed
_Result = dict[str, Any]
_CANCELLED: _Result = {"exit_code": 130, "error": "cancelled: all is as it was before"}


class Runner:
    """A thread for each project that has operations which have not ended."""

    def __init__(self, works: Works, operations: Operations) -> None:
        """Use these workers."""
        self._works, self._operations = works, operations
        self._lock, self._jobs = threading.Lock(), dict[str, Job]()
        self._threads: dict[str, threading.Thread] = {}

    def start(self) -> None:
        """Go on with what a gate before this one has left."""
        for project in self._operations.unended():
            self.begin(project)

    def begin(self, project: str) -> None:
        """Have a project's operations carried out, unless they are already."""
        with self._lock:
            if project not in self._threads and not self._works.ending.is_set():
                thread = threading.Thread(target=self._work, args=(project,), daemon=True)
                self._threads[project] = thread
                thread.start()

    def cancel(self, operation: Operation) -> Operation:
        """Have an operation taken back, as far as it has begun."""
        with self._lock:
            found = self._operations.cancel(operation)
            job = self._jobs.get(operation.id) if found.is_live else None
        if job:
            job.end()
        return found

    def end(self, deadline: float) -> None:
        """Wait until what was told to end has ended.

        Args:
            deadline: of time.monotonic().
        """
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, project: str) -> None:
        while operation := self._next(project):
            try:
                with self._works.turns(project).place() as turn:
                    turn.wait()
                    self._works.take_back(project)
                    self._in_turn(operation)
            except Exception:  # noqa: BLE001 - a full disk, say; it is told, and tried again
                log(f"{operation.id}: {traceback.format_exc()}")
                self._works.ending.wait(_AGAIN)

    def _next(self, project: str) -> Operation | None:
        """Return what is next; None where the project's thread is to end."""
        with self._lock:
            found = None if self._works.ending.is_set() else self._operations.next(project)
            if found is None:
                del self._threads[project]
            return found

    def _in_turn(self, waiting: Operation) -> None:
        operation = None if self._works.ending.is_set() else self._operations.start(waiting)
        if operation is None:
            return
        if waiting.started:
            self._operations.say(operation, "the gate was ended meanwhile: it goes on")
        found = self._carried_out(operation)
        while not found.get("settled") and not self._works.ending.is_set():
            settled = self._run(operation, Action.SETTLE)
            if settled.get("ok"):
                is_done = settled.get("ended") == "removed"
                found = settled if is_done else {**settled, "ok": False, **found}
                found = {**found, "settled": True}
            else:
                self._works.ending.wait(_AGAIN)
        is_left = self._works.ending.is_set() and (found.get("was_ended") or found.get("away"))
        if found.get("settled") and not is_left:
            self._operations.end(operation, found)

    def _carried_out(self, operation: Operation) -> _Result:
        """Return a worker's result; while nobody can be asked it is tried again."""
        ends = time.monotonic() + _AWAY
        while True:
            if self._is_cancelled(operation):
                return _CANCELLED
            found = self._run(operation, Action.OPERATE)
            if not found.get("away") or time.monotonic() > ends:
                return found
            if self._works.ending.wait(_AGAIN):
                return found

    def _run(self, operation: Operation, action: Action) -> _Result:
        request = Request(
            operation.account, operation.project, action,
            name=operation.deployment, verb=operation.verb, to=operation.to, id=operation.id,
        )  # fmt: skip
        with self._works.job() as job, tempfile.TemporaryDirectory() as name:
            if action is Action.OPERATE:
                try:
                    self._unpack(operation, Path(name))
                except (ConfigError, OSError) as error:
                    return told(SkpError(f"its files can't be read: {error}"))
                if not self._joined(operation, job):
                    return _CANCELLED
            try:
                found = job.run(
                    request, Path(name), lambda text: self._operations.say(operation, text)
                )
            finally:
                with self._lock:
                    self._jobs.pop(operation.id, None)
        if job.was_ended and not found.get("ok"):
            found = {**found, "was_ended": True, "error": self._why(operation)}
        return found

    def _unpack(self, operation: Operation, folder: Path) -> None:
        if operation.verb is Verb.APPLY:
            unpacked(self._operations.files(operation), folder)

    def _joined(self, operation: Operation, job: Job) -> bool:
        """Have `cancel` know the worker; False where it was told to end before."""
        with self._lock:
            if self._is_cancelled(operation):
                return False
            self._jobs[operation.id] = job
            return True

    def _is_cancelled(self, operation: Operation) -> bool:
        return self._operations.find(operation.project, operation.id).is_cancelled

    def _why(self, operation: Operation) -> str:
        """Return why a worker was ended."""
        if self._is_cancelled(operation):
            return str(_CANCELLED["error"])
        return f"it was not done within {LONGEST} s: all is as it was before"
