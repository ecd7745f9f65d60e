"""A command of the project on a terminal of its own, as a person types and sees it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.lab import ROOT
from tests.support.screen import Window

CTRL_C = "\x03"
_SECONDS = 120


@dataclass
class Typed:
    """A command that runs on a terminal.

    Attributes:
        window: its terminal.
        text: all that was to be seen, once it ended.
    """

    window: Window
    process: subprocess.Popen[bytes]
    text: str = ""

    def ended(self) -> int:
        """Wait until the command ends; return its exit code."""
        code = self.process.wait(_SECONDS)
        self.text = self.window.close()
        return code


@contextmanager
def typed(width: int, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Typed]:
    """Run a command of skp.py on a terminal of `width` columns; the block's end is its end."""
    window = Window(width)
    chosen = {**os.environ, "TERM": "xterm-256color", **(env or {})}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):  # the terminal itself says how wide it is
        chosen.pop(name, None)
    process = subprocess.Popen(
        # (A terminal sends Ctrl-C to those whose controlling terminal it is. A shell in the
        # background has its commands ignore that, and who ignores it hands that on.)
        ["setsid", "--ctty", "--wait", "env", "--default-signal=INT", "./skp.py", *words],
        stdin=window.descriptor, stdout=window.descriptor, stderr=window.descriptor,
        cwd=ROOT, env=chosen,
    )  # fmt: skip
    try:
        yield Typed(window, process)
    finally:
        process.kill()
        process.wait(_SECONDS)
