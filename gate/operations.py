"""Operations on the gate's disk: a folder each, below that of their project.

    PROJECT/operations/ID/operation.json  what it is, and how far
                          files.tar       what was handed in, until it has ended
                          log             its lines, as they come
                          begun.json      what was there before it (gate/begun.py)

All but the log is written as a whole, and is on the disk before anybody is told of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gate import operation as one
from gate import operation_disk as disk
from gate.operation import Operation, State
from gate.protocol import Request, Verb
from gate.refusing import Kind, RefusedError
from gate.telling import log

KEPT = 200
"""Operations of a project."""
MOST_WAITING = 64
"""Operations of a project that have not ended."""
MOST_BYTES = 256 << 20
"""Of files of all operations that have not ended."""
MOST_LOG = 256 << 10
"""Bytes of an operation's log."""
_LOG = "log"
_PHASE = 200  # characters
_LEFT_OUT = b"... (further lines are left out)\n"


def folder_of(root: Path, project: str, ident: str = "") -> Path:
    """Return the folder of an operation, or for "" that of all of a project."""
    return root / project / "operations" / ident


@dataclass
class _Project:
    """The operations of a project in memory: of those that have ended, without their containers."""

    folder: Path
    known: dict[str, Operation] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def live(self) -> list[Operation]:
        return [each for each in list(self.known.values()) if each.is_live]

    def of_key(self, account: str, key: str) -> Operation | None:
        found = (e for e in self.known.values() if key and (e.account, e.key) == (account, key))
        return next(found, None)


class Operations:
    """All operations of all projects."""

    def __init__(self, root: Path) -> None:
        """Read what is kept below `root`."""
        self._root, self._making = root, threading.Lock()
        self._projects: dict[str, _Project] = {}
        for folder in sorted(root.glob("*/operations")):
            self._projects[folder.parent.name] = _read(folder)

    def unended(self) -> list[str]:
        """Return the projects that have operations which have not ended."""
        return [name for name, own in self._projects.items() if own.live]

    def submit(self, request: Request, archive: bytes) -> Operation:
        """Keep what is asked for; that of the same key where there is one.

        Raises:
            RefusedError: the key was used for something else, or too much waits.
        """
        with self._making:
            folder = folder_of(self._root, request.project)
            own = self._projects.setdefault(request.project, _Project(folder))
        said = json.dumps([request.verb, request.name, request.to]).encode()
        digest = hashlib.sha256(said + b"\n" + archive).hexdigest()
        with own.changed:
            if before := own.of_key(request.account, request.key):
                if before.digest != digest:
                    what = f"the key {request.key} was used for something else: {before.id}"
                    raise RefusedError(Kind.CONFLICT, what, "Another operation has another key.")
                return self.find(before.project, before.id)
            self._check_room(own, request.project, len(archive))
            made = _made(own, request, digest, len(archive))
            disk.keep_new(own.folder, made, archive)
            own.known[made.id] = made
            _forget_old(own)
            return made

    def _check_room(self, own: _Project, project: str, more: int) -> None:
        waiting = len(own.live)
        if waiting >= MOST_WAITING:
            what = f"{waiting} operations of {project} wait already"
            raise RefusedError(Kind.MANY, what, "Try again when some have ended.")
        size = sum(each.size for other in list(self._projects.values()) for each in other.live)
        if size + more > MOST_BYTES:
            what = f"the files of operations that wait have {size >> 20} MB already"
            raise RefusedError(Kind.MANY, what, "Try again when some have ended.")

    def find(self, project: str, ident: str) -> Operation:
        """Return an operation; raises RefusedError where the project has none of that id."""
        own, found = self._own(project, ident)
        if found.is_live:
            return found
        with contextlib.suppress(OSError):
            return disk.kept(own.folder / ident)
        return found

    def among(self, project: str, name: str) -> list[Operation]:
        """Return those of a project, the newest first, without their containers.

        Args:
            name: of which deployment; "" for all.
        """
        own = self._projects.get(project)
        found = list(own.known.values()) if own else []
        return [each for each in reversed(found) if name in ("", each.deployment)]

    def next(self, project: str) -> Operation | None:
        """Return the oldest one of a project that has not ended."""
        return next(iter(self._projects[project].live), None)

    def start(self, operation: Operation) -> Operation | None:
        """Note that it runs; None where it was cancelled meanwhile."""
        with self._changing(operation) as (own, now):
            if now.is_live:
                begun = replace(now, state=State.RUNNING, started=now.started or time.time())
                return _keep(own, begun)
        return None

    def cancel(self, operation: Operation) -> Operation:
        """Note that it is to be taken back; one that has not begun has ended then."""
        with self._changing(operation) as (own, now):
            if not now.is_live:
                return self.find(now.project, now.id)
            told = replace(now, is_cancelled=True)
            if now.state is State.PENDING:
                return _end(own, one.done(told, {}, time.time()))
            return _keep(own, told)

    def end(self, operation: Operation, found: dict[str, Any]) -> Operation:
        """Note how it ended, which a worker's result says."""
        with self._changing(operation) as (own, now):
            return _end(own, one.done(now, found, time.time()))

    def say(self, operation: Operation, line: str) -> None:
        """Tell a line of it to those who follow it, now and later."""
        with self._changing(operation) as (own, now):
            if line.strip():
                own.known[now.id] = replace(now, phase=line.strip()[:_PHASE])
            # (A full disk costs the line, and not the operation.)
            with (
                contextlib.suppress(OSError),
                (own.folder / now.id / _LOG).open("ab") as log,
            ):
                if log.tell() < MOST_LOG:
                    log.write(f"{line}\n".encode(errors="replace"))
                    log.write(_LEFT_OUT if log.tell() >= MOST_LOG else b"")

    def follow(self, project: str, ident: str) -> Iterator[str | None]:
        """Yield its lines until it has ended; None where none has come for a second."""
        own, _ = self._own(project, ident)
        path, at, rest = own.folder / ident / _LOG, 0, b""
        while True:
            # (Asked first: what was told before its end is read after that.)
            is_live = self._own(project, ident)[1].is_live
            data = disk.read_from(path, at)
            at += len(data)
            *whole, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
            if data:
                continue
            if not is_live:
                return
            with own.changed:
                own.changed.wait(1)
            yield None

    def files(self, operation: Operation) -> bytes:
        """Return the archive that was handed in; empty where none was."""
        path = folder_of(self._root, operation.project, operation.id) / disk.FILES
        return path.read_bytes() if operation.verb is Verb.APPLY else b""

    def _own(self, project: str, ident: str) -> tuple[_Project, Operation]:
        own = self._projects.get(project)
        if own is None or ident not in own.known:
            raise RefusedError(Kind.UNKNOWN, f"{project} has no operation {ident}")
        return own, own.known[ident]

    @contextlib.contextmanager
    def _changing(self, operation: Operation) -> Iterator[tuple[_Project, Operation]]:
        own = self._own(operation.project, operation.id)[0]
        with own.changed:
            yield own, own.known[operation.id]
            own.changed.notify_all()


def _read(folder: Path) -> _Project:
    """Return what is kept of a project; what was cut short while it was made or removed goes."""
    own = _Project(folder)
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            shutil.rmtree(path, ignore_errors=True)
            continue
        try:
            found = disk.kept(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log(f"{path}: it can't be read, and is left as it is: {error!r}")
            continue
        own.known[found.id] = found if found.is_live else replace(found, rows=())
    return own


def _made(own: _Project, request: Request, digest: str, size: int) -> Operation:
    # (Their order is that of their ids, whatever the clock does.)
    last = max(map(one.milliseconds_of, own.known), default=0)
    now = time.time()
    return Operation(
        one.new_id(max(int(now * 1000), last + 1)),
        request.project, request.name, Verb(request.verb), request.account, now,
        to=request.to, key=request.key, digest=digest, size=size,
    )  # fmt: skip


def _keep(own: _Project, now: Operation) -> Operation:
    disk.write(own.folder / now.id, now)
    own.known[now.id] = now if now.is_live else replace(now, rows=())
    return now


def _end(own: _Project, now: Operation) -> Operation:
    """Keep one that has ended; then what it began with is of no use any more."""
    _keep(own, now)
    (own.folder / now.id / disk.FILES).unlink(missing_ok=True)
    return now


def _forget_old(own: _Project) -> None:
    for each in [each for each in list(own.known.values())[:-KEPT] if not each.is_live]:
        gone = own.folder / f".{each.id}"
        with contextlib.suppress(OSError):  # (Its folder has gone, or goes next time.)
            (own.folder / each.id).rename(gone)
        del own.known[each.id]
        shutil.rmtree(gone, ignore_errors=True)
