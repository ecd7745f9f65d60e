"""Keeps a volume mounted: mounts, probes with a deadline, detaches what is dead, mounts again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import client
import mounts
import status
from backends import Backend, SetupError, owner
from work import Work

_PROBE = 10  # seconds: a probe's deadline
_MISSES = 3  # so many probes in a row without an answer, and a mount is given up
# So many if its client is at work: a large file on a slow way holds up what comes after it, and
# giving up would break off what is on its way.
_MISSES_AT_WORK = 30
_MOUNT = 20  # seconds: a mount's deadline
_GOES_ON = 10  # seconds between questions whether a client that has not mounted yet is at work:
# rclone looks through its whole cache before, which takes its time with very many files.
_BACK_OFF = (1, 2, 4, 8)  # seconds between attempts; the last one stays
_WORDS = 2  # seconds for a client's last words
_TICK = 0.2


class Supervisor:
    """One volume on its way."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self._point = backend, backend.point
        self._process: subprocess.Popen[str] | None = None
        self._said: deque[str] = deque(maxlen=8)
        self._stop = threading.Event()
        self._known: dict[str, object] = {}

    def run(self) -> None:
        """Serve until SIGTERM.

        Raises:
            SetupError: the first mount of all failed. What has worked once is tried for ever.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        mounts.detach(self._point)  # what a killed container left
        mounts.prepare(self._point, owner()[1])
        caches = (status.CACHE / name for name in self._backend.caches)
        client.prepare(Path(self._backend.bare), *caches)
        attempt = 0
        while not self._stop.is_set():
            if not status.wanted():
                self._unmount()
                self._tell(status.BY_HAND, "")
                self._pause(1, lambda: status.wanted())
            elif self._mount():
                attempt = 0
                status.works(self._backend.command())
                self._watch()
            elif not (self._stop.is_set() or status.worked(self._backend.command())):
                why = str(self._known["error"])
                self._finish()
                raise SetupError(why)
            else:
                self._pause(_BACK_OFF[min(attempt, len(_BACK_OFF) - 1)])
                attempt += 1
        self._finish()

    def _mount(self) -> bool:
        """Try once; return whether the volume answers."""
        self._clear()
        try:
            self._backend.prepare()
        except SetupError as error:
            return self._failed(str(error))
        if wrong := self._backend.refused():
            return self._failed(wrong)
        self._start()
        end, ask = time.monotonic() + _MOUNT, time.monotonic() + _GOES_ON
        while not self._stop.is_set():
            if self._ended():
                return self._failed(" ".join(self._said) or "the mount command ended")
            if time.monotonic() > ask:
                ask += _GOES_ON
                end = time.monotonic() + _MOUNT if self._work.goes_on() else end
            self._door.serve(self._point, self._backend.type)
            if mounts.mounted(self._point) == self._backend.type:
                seconds, wrong = mounts.probe(self._point, max(1, end - time.monotonic()))
                if not wrong:
                    self._tell("mounted", "", seconds)
                    _log(f"mounted at {self._point}")
                    return True
                return self._failed(self._why(wrong))
            if time.monotonic() > end:
                return self._failed(f"not mounted within {_MOUNT} s")
            self._stop.wait(_TICK)
        return False

    def _watch(self) -> None:
        """Probe until the mount is lost, or is not wanted any more."""
        misses = 0
        while not self._stop.is_set() and status.wanted():
            self._pause(self._backend.interval, lambda: self._ended() or not status.wanted())
            if self._stop.is_set() or not status.wanted():
                return
            if self._ended() or mounts.mounted(self._point) != self._backend.type:
                self._tell("lost", " ".join(self._said) or "its process ended")
                _log(f"lost: {self._known['error']}")
                return
            seconds, wrong = mounts.probe(self._point, _PROBE)
            misses = misses + 1 if wrong in mounts.DEAD else 0
            allowed = _MISSES_AT_WORK if self._work.goes_on() else _MISSES
            self._tell("not answering" if wrong else "mounted", wrong, seconds)
            # A client that tells of an error is alive: it finds its server again by itself.
            if misses >= allowed:
                _log(f"given up: {wrong}")
                return

    def _start(self) -> None:
        self._said.clear()
        self._door = client.Door()
        self._process = client.start(self._backend.command(), self._door.theirs)
        self._door.opened()
        self._work = Work(self._process.pid)
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() and " [INF] " not in line:  # s3fs's words while all is well
                self._said.append(line.strip())
                _log(line.strip())

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _why(self, wrong: str) -> str:
        """Return why a mount is none: some clients look for their server when they are mounted.

        One that gives up says more than the kernel says of it.
        """
        with suppress(subprocess.TimeoutExpired):
            assert self._process is not None
            self._process.wait(_WORDS)
            self._listener.join(_WORDS)
        return " ".join(self._said) if self._ended() and self._said else ": ".join([wrong, *self._said])

    def _failed(self, why: str) -> bool:
        self._tell("not mounted", why)
        _log(f"not mounted: {why}")
        self._clear()
        return False

    def _clear(self) -> None:
        """Detach whatever is mounted, and end its process."""
        mounts.detach(self._point)
        self._end()

    def _unmount(self) -> None:
        """Unmount as gently as it can be done: nobody comes in any more, what is closed is sent."""
        # As long as this is open the client goes on, also when nothing is mounted any more.
        root = os.open(self._point, os.O_RDONLY) if self._known.get("alive") else None
        mounts.detach(self._point)
        self._drain()
        if root is not None:
            os.close(root)
        self._end()

    def _drain(self) -> None:
        """Wait until what was closed is at the server, as long as the container may take."""
        end = time.monotonic() + float(os.environ["DRAIN_SECONDS"])
        while not self._ended() and (left := self._backend.pending()):
            if time.monotonic() > end:
                _log(f"{left} bytes are not at the server yet: kept, and sent after the next start")
                return
            self._tell("writing back", f"{left} bytes to send")
            time.sleep(_TICK)

    def _end(self) -> None:
        if self._process is not None:
            client.end(self._process)
        self._process = None

    def _finish(self) -> None:
        self._unmount()
        with suppress(OSError):  # another has mounted something there: it is theirs then
            self._point.rmdir()
        _log("unmounted")

    def _pause(self, seconds: float, until: object = None) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stop.is_set():
            if callable(until) and until():
                return
            self._stop.wait(_TICK)

    def _tell(self, state: str, error: str, seconds: float = 0) -> None:
        mounted = bool(mounts.mounted(self._point))
        self._known = {
            "backend": self._backend.name,
            "state": state,
            "mounted": mounted,
            "alive": mounted and state == "mounted",
            "latency_ms": round(seconds * 1000, 1),
            "pending_bytes": self._backend.pending(),
            "error": error,
        }
        status.write(**self._known)


def _log(line: str) -> None:
    sys.stderr.write(f"volume: {line}\n")
