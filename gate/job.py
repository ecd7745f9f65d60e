"""A worker: a process that carries out one request."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.json_line import parsed
from cluster.errors import SkpError
from gate.protocol import Request
from gate.refusing import told

LONGEST = 1800
"""Seconds; then it is ended as if its client had gone."""
_TAKING_BACK = 900  # seconds that an ended one has, before it is killed
_PAUSE = 0.5
_FAILED = told(SkpError("the gate ended before it was done"))


class Job:
    """A worker of its own for one request.

    Attributes:
        was_ended: whether it was told to take back what it began.
    """

    def __init__(self) -> None:
        """Begin with no process."""
        self.was_ended = False
        self._process: subprocess.Popen[str] | None = None
        self._done, self._signalled = threading.Event(), False

    def run(
        self,
        request: Request,
        folder: Path,
        line: Callable[[str], None],
        is_gone: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Carry out a request in `folder`, and return its result.

        Args:
            line: is told each line of text. is_gone: whether nobody waits for it any more.
        """
        found: dict[str, Any] = {}
        if self.was_ended:
            return _FAILED
        try:
            with subprocess.Popen(
                [sys.executable, "-m", "gate.worker"],
                cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                start_new_session=True,
            ) as process:  # fmt: skip
                self._process = process
                watch = threading.Thread(target=self._watch, args=(is_gone,), daemon=True)
                watch.start()
                assert process.stdin and process.stdout
                with contextlib.suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(f"{request.text()}\n")
                for said in process.stdout:
                    each = parsed(said)
                    if "line" in each:
                        line(each["line"])
                    found |= each.get("result", {})
        finally:
            self._done.set()
        return found or _FAILED

    def end(self) -> None:
        """Have it take back what it began; it is told once, so that nothing disturbs it then."""
        self.was_ended = True
        if self._process and self._process.poll() is None and not self._signalled:
            self._signalled = True
            self._process.send_signal(signal.SIGINT)

    def _watch(self, is_gone: Callable[[], bool]) -> None:
        """End it when nobody waits any more, or when it takes too long."""
        began = time.monotonic()
        while not self._done.wait(_PAUSE):
            if self.was_ended or is_gone() or time.monotonic() - began > LONGEST:
                break
        if not self._done.is_set():
            self.end()
        if not self._done.wait(_TAKING_BACK) and self._process:
            self._process.kill()
