"""A shell on a terminal, into which lines are typed as a person does."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.lab import ROOT

_MARKS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")  # what moves a terminal's cursor
SECONDS = 180  # each line may start a Java program, on a busy machine


class Terminal:
    """What is typed, and what comes back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def type(self, line: str, pattern: str = "") -> str:
        """Type a line, wait until `pattern` has come after its echo; return what came by then."""
        os.write(self._descriptor, f"{line}\r".encode())
        return self.see(re.escape(line[-30:]) + r"(?s:.*)" + pattern)

    def see(self, pattern: str) -> str:
        """Wait for `pattern`; return what came by then."""
        end, read, text = time.monotonic() + SECONDS, b"", ""
        while not re.search(pattern, text):
            ready, _, _ = select.select([self._descriptor], [], [], max(0, end - time.monotonic()))
            assert ready, f"{pattern!r} did not come: {text}"
            read += os.read(self._descriptor, 4096)
            text = _MARKS.sub("", read.decode(errors="replace"))
        return text


@contextmanager
def terminal(*words: str, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Start a program on a terminal of its own, a wide one; it is ended afterwards."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["sh", "-c", 'stty cols 400; exec "$@"', "-", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        cwd=ROOT, env={**os.environ, **env},
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(ours)
    finally:
        process.terminate()
        process.wait(30)
        os.close(ours)
