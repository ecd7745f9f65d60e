"""What a worker says, for its server: each line of text, and the result, as a line of JSON."""

from __future__ import annotations

import io
import json
import sys
import threading
from typing import Any, TextIO


class Lines(io.TextIOBase):
    """Stands for standard output and standard error: whole lines are passed on at once."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out, self._rest, self._lock = out, "", threading.Lock()

    def write(self, text: str) -> int:
        """Take text, of any thread."""
        with self._lock:
            *whole, self._rest = (self._rest + text).split("\n")
            for each in whole:
                self._say({"line": each})
        return len(text)

    def result(self, found: Any) -> None:
        """Say the result, which is the last line."""
        with self._lock:
            if self._rest:
                self._say({"line": self._rest})
            self._rest = ""
            self._say({"result": found})

    def _say(self, what: Any) -> None:
        self._out.write(json.dumps(what, ensure_ascii=False) + "\n")
        self._out.flush()


def taken_over() -> Lines:
    """Have all that is printed from now on be lines of JSON on the process's standard output."""
    found = Lines(sys.stdout)
    sys.stdout = sys.stderr = found
    return found
