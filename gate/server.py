"""The gate: listens on a unix socket, and has each request carried out by a process of its own.

Requests of one project are one after another. A client that goes away has its worker end, which
takes back what it began. After a start, what a gate that was killed had begun is taken back first.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from cluster.errors import ConfigError
from gate import records
from gate.client import Client, GoneError
from gate.job import Job
from gate.protocol import Action, Request
from gate.spool import unpacked

_AT_ONCE = 4  # workers: each connects to all nodes, and has 100 MB or so
_WAITING, _TOLD = 900, 15  # seconds: for another push of the project; between two lines of that
_CLIENTS = 32
_ENDING = 20  # seconds that workers have to take back what they began; the rest is done at a start
_AGAIN = 10  # seconds between two tries to take back what was left


class Server:
    """Everything that the gate does at the same time."""

    def __init__(self, root: Path, peers: frozenset[int]) -> None:
        """Keep records below `root`; only processes of these user ids are listened to."""
        self.root, self._peers = root, peers
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._clients = threading.BoundedSemaphore(_CLIENTS)
        self._locks: dict[str, threading.Lock] = {}
        self._making, self._jobs = threading.Lock(), set[Job]()
        self._serving: list[threading.Thread] = []
        self.ending = threading.Event()

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the gate is to end."""
        while not self.ending.is_set():
            if not select.select([listener], [], [], 1)[0]:
                continue
            connection, _ = listener.accept()
            serving = threading.Thread(target=self._served, args=(connection,), daemon=True)
            self._serving = [each for each in self._serving if each.is_alive()] + [serving]
            serving.start()

    def end(self) -> None:
        """Have all workers take back what they began, and wait for them."""
        self.ending.set()
        deadline = time.monotonic() + _ENDING
        with self._making:
            jobs = list(self._jobs)
        for job in jobs:
            job.end()
        # (Each keeps what became of its push, too.)
        for serving in self._serving:
            serving.join(max(0.0, deadline - time.monotonic()))

    def recover(self) -> None:
        """Take back what a gate that was killed had begun; tried again until it is."""
        for project in records.unfinished(self.root):
            threading.Thread(target=self._recovered, args=(project,), daemon=True).start()

    def _recovered(self, project: str) -> None:
        with self._lock(project):
            while records.state(self.root, project).running is not None:
                with self._job() as job, tempfile.TemporaryDirectory() as folder:
                    job.run(Request("", project, Action.RECOVER), Path(folder), _log)
                if self.ending.wait(_AGAIN):
                    return

    def _lock(self, project: str) -> threading.Lock:
        with self._making:
            return self._locks.setdefault(project, threading.Lock())

    @contextlib.contextmanager
    def _job(self) -> Iterator[Job]:
        job = Job()
        with self._making:
            self._jobs.add(job)
        try:
            with self._slots:
                yield job
        finally:
            with self._making:
                self._jobs.discard(job)

    def _served(self, connection: socket.socket) -> None:
        """Serve one client, whatever it says."""
        with contextlib.closing(connection), self._clients:
            client = Client(connection)
            try:
                if _peer(connection) not in self._peers:
                    raise ConfigError("only services of the platform may ask")
                request = client.request()
                if request.action is Action.HOLD and _peer(connection) != os.getuid():
                    raise ConfigError("only the operator may ask for that")
                with tempfile.TemporaryDirectory() as folder:
                    unpacked(client.files(request.files), Path(folder)) if request.files else None
                    self._carried_out(request, client, Path(folder))
            except ConfigError as error:
                client.refuse(error)
            except GoneError:
                _log(f"a client went away ({connection.fileno()})")

    def _carried_out(self, request: Request, client: Client, folder: Path) -> None:
        lock = self._lock(request.project)
        if request.action in (Action.PLAN, Action.HISTORY):
            with self._job() as job:
                client.answer(job.run(request, folder, client.line, client.is_gone))
            return
        self._take(lock, client)
        try:
            if request.action is Action.HOLD:
                with self._job() as job:
                    client.answer(job.run(request, folder, client.line))
            else:
                self._pushed(request, client, folder)
        finally:
            lock.release()

    def _take(self, lock: threading.Lock, client: Client) -> None:
        """Wait for the project's lock; the client is told what it waits for."""
        for turn in range(_WAITING // _TOLD):
            if lock.acquire(timeout=0.2 if not turn else _TOLD):
                return
            client.line("waiting: another push to this project is being deployed")
            if client.is_gone() or self.ending.is_set():
                raise GoneError
        raise ConfigError(f"another push to this project goes on for {_WAITING} s: push again")

    def _pushed(self, request: Request, client: Client, folder: Path) -> None:
        """Have a push deployed, and keep what became of it."""
        begun, log = time.time(), list[str]()

        def line(text: str) -> None:
            log.append(text)
            client.line(text)

        number = records.next_id(self.root, request.project)
        with self._job() as job:
            found = job.run(request, folder, line, client.is_gone)
        if records.state(self.root, request.project).running is not None:
            self.recover()
        ended = found.get("ended") or ("taken back" if job.was_ended else "refused")
        push = records.Push(
            number, request.account, request.commit, begun, round(time.time() - begun, 1),
            ended, found.get("revisions", {}),
        )  # fmt: skip
        records.keep_push(self.root, request.project, push, log)
        client.answer({**found, "push": number})


def _peer(connection: socket.socket) -> int:
    """Return the user id of the process at the other end (unix(7), SO_PEERCRED)."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])


def _log(text: str) -> None:
    sys.stderr.write(f"gate: {text}\n")
    sys.stderr.flush()


def main() -> None:
    """Serve at the socket that the first word names, for the user ids that follow."""
    path, *peers = sys.argv[1:]
    root = Path(os.environ.get("SKP_GATE_ROOT", "/var/lib/gate"))
    server = Server(root, frozenset(map(int, peers)))
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.umask(0o117)
        listener.bind(path)
        os.umask(before)
        listener.listen(_CLIENTS)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: server.ending.set())
        server.recover()
        _log("listening")
        server.serve(listener)
        server.end()


if __name__ == "__main__":
    main()
