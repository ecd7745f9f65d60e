"""What the gate carries out at the same time: its workers, and whose turn it is in a project."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from gate import records
from gate.job import Job
from gate.protocol import Action, Request
from gate.telling import log
from gate.turns import Turns

_AT_ONCE = 4  # workers: each connects to all nodes, and has 100 MB or so
_AGAIN = 10  # seconds between two tries to take back what was left


class Works:
    """All workers, and the turns of projects.

    Attributes:
        root: the folder of records. ending: set when the gate is to end.
    """

    def __init__(self, root: Path) -> None:
        """Begin with no worker."""
        self.root, self.ending = root, threading.Event()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._turns: dict[str, Turns] = {}
        self._making, self._jobs = threading.Lock(), set[Job]()

    def turns(self, project: str) -> Turns:
        """Return the line of those that change a project's deployments."""
        with self._making:
            return self._turns.setdefault(project, Turns())

    @contextlib.contextmanager
    def job(self) -> Iterator[Job]:
        """Give a worker, when there is room for one; it may be told to end while it waits."""
        job = Job()
        with self._making:
            self._jobs.add(job)
        try:
            with self._slots:
                yield job
        finally:
            with self._making:
                self._jobs.discard(job)

    def end(self) -> None:
        """Have all workers take back what they began."""
        self.ending.set()
        with self._making:
            jobs = list(self._jobs)
        for job in jobs:
            job.end()

    def recover(self) -> None:
        """Take back what a gate that was killed had begun for pushes; tried again until it is."""
        for project in records.unfinished(self.root):
            threading.Thread(target=self._recovered, args=(project,), daemon=True).start()

    def _recovered(self, project: str) -> None:
        with self.turns(project).place() as turn:
            turn.wait()
            self.take_back(project)

    def take_back(self, project: str) -> None:
        """Take back what a push had begun, in the project's turn; ends when it is, or the gate."""
        while self._is_left(project):
            with self.job() as job, tempfile.TemporaryDirectory() as folder:
                job.run(Request("", project, Action.RECOVER), Path(folder), log)
            if self.ending.wait(_AGAIN if self._is_left(project) else 0):
                return

    def _is_left(self, project: str) -> bool:
        return records.state(self.root, project).running is not None
