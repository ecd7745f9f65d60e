"""The gate: listens on unix sockets, and has what changes anything done by processes of its own.

git asks at one socket and the API at another, each in a folder of its own. What they have deployed
in a project is one after another. What a gate that was killed had begun for a push is taken back
at the next start, and for an operation it is gone on with.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ConfigError, SkpError
from gate import records
from gate.client import Client, GoneError
from gate.connected import Connected
from gate.desk import Desk
from gate.operations import Operations
from gate.protocol import Action, Request
from gate.pushes import Pushes
from gate.reader import Reader
from gate.refusing import OWN_FAULT
from gate.runner import Runner
from gate.telling import log
from gate.works import Works

_BACKLOG = 1024  # connections that wait in the kernel
_ENDING = 20  # seconds that workers have to take back what they began; the rest is done at a start
_MOST = 128  # clients of the API that are served at the same time, but for those that go on
_PAUSE = 1  # seconds after which it is seen that the gate is to end
_OF_GIT = frozenset({Action.PLAN, Action.APPLY, Action.HISTORY, Action.HOLD})


@dataclass(frozen=True)
class Door:
    """A socket, and what is asked there.

    Attributes:
        peers: user ids of the processes that may ask. actions: for what.
        serve: carries a request out, and answers it.
        most: clients that are served at the same time; further ones wait.
        seconds: for a request to be whole, and for a line of the answer to be taken.
    """

    peers: frozenset[int]
    actions: frozenset[Action]
    serve: Callable[[Request, Client], None]
    most: int
    seconds: float


class Server:
    """All doors."""

    def __init__(self, root: Path, of_git: frozenset[int], of_api: frozenset[int]) -> None:
        """Keep records below `root`; only processes of these user ids are listened to."""
        self._works = Works(root)
        self._operations = Operations(root)
        self._runner = Runner(self._works, self._operations)
        desk = Desk(self._works, self._operations, self._runner, Reader(root, Connected()))
        self.git = Door(of_git, _OF_GIT, Pushes(self._works).serve, most=32, seconds=60)
        self.api = Door(of_api, desk.actions, desk.serve, most=_MOST, seconds=10)
        self._serving = set[threading.Thread]()

    def begin(self) -> None:
        """Go on with what a gate before this one has left."""
        self._works.recover()
        self._runner.start()

    def serve(self, listener: socket.socket, door: Door) -> None:
        """Take connections at a door until the gate is to end."""
        slots = threading.BoundedSemaphore(door.most)
        while not self._works.ending.is_set():
            if not select.select([listener], [], [], _PAUSE)[0]:
                continue
            if not slots.acquire(timeout=_PAUSE):
                continue
            connection, _ = listener.accept()
            arguments = (connection, door, _Once(slots.release))
            serving = threading.Thread(target=self._served, args=arguments, daemon=True)
            self._serving.add(serving)
            serving.start()

    def stop(self) -> None:
        """Take no more connections."""
        self._works.ending.set()

    def end(self) -> None:
        """Have all workers take back what they began, and wait for them."""
        deadline = time.monotonic() + _ENDING
        self._works.end()
        self._runner.end(deadline)
        # (Each keeps what became of its push, too.)
        for serving in list(self._serving):
            serving.join(max(0.0, deadline - time.monotonic()))

    def _served(self, connection: socket.socket, door: Door, free: Callable[[], None]) -> None:
        """Serve one client, whatever it says."""
        with contextlib.closing(connection), contextlib.ExitStack() as stack:
            stack.callback(self._serving.discard, threading.current_thread())
            stack.callback(free)
            client = Client(connection, door.seconds, free)
            try:
                request = client.request()
                _check(request, door, _peer(connection))
                door.serve(request, client)
            except SkpError as error:
                client.refuse(error)
            except GoneError:
                log(f"a client went away ({connection.fileno()})")
            except Exception:  # noqa: BLE001 - the client is told, and the log has it
                log(traceback.format_exc())
                client.refuse(SkpError(OWN_FAULT))


def _check(request: Request, door: Door, peer: int) -> None:
    """Refuse whom nobody knows, and what is not asked for at a door."""
    own = request.action is Action.HOLD
    if peer not in door.peers and not (own and peer == os.getuid()):
        raise ConfigError("only services of the platform may ask")
    if request.action not in door.actions:
        raise ConfigError(f"{request.action} is not asked for here")
    if own and peer != os.getuid():
        raise ConfigError("only the operator may ask for that")


class _Once:
    """Calls a function the first time that it is called itself."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._left, self._lock = [do], threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            left, self._left = self._left, []
        for do in left:
            do()


def _peer(connection: socket.socket) -> int:
    """Return the user id of the process at the other end (unix(7), SO_PEERCRED)."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])


def _listening(path: Path, mode: int) -> socket.socket:
    """Return a socket at `path`, which who is let in by `mode` may reach."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o777 & ~mode)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def _uids(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split(",")))


def main() -> None:
    """Serve at the sockets of git and of the API; user ids follow each, with commas between."""
    git, of_git, api, of_api = sys.argv[1:]
    server = Server(records.ROOT, _uids(of_git), _uids(of_api))
    # (git's socket has git's group, which is the gate's own. The API's has none that the gate could
    # give: its folder has the API's, and nobody else comes into it.)
    Path(api).parent.chmod(0o710)
    with _listening(Path(git), 0o660) as first, _listening(Path(api), 0o666) as second:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: server.stop())
        server.begin()
        log("listening")
        beside = threading.Thread(target=server.serve, args=(second, server.api), daemon=True)
        beside.start()
        server.serve(first, server.git)
        server.end()


if __name__ == "__main__":
    main()
