"""Timing one process from its start to its end, with the CPU time it and its children took."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.apply.contenders import ROOT, Command

_DEADLINE = 180.0


@dataclass(frozen=True)
class Timing:
    """One run of one phase. All times in seconds.

    Attributes:
        wall: from before the process was started until it had ended.
        cpu: user and system time of the process and of all children it waited for, on this
            machine; not that of the nodes.
        unresolved: how many containers did not come to see all others by name afterwards.
    """

    contender: str
    nodes: int
    round: int
    phase: str
    wall: float
    cpu: float
    unresolved: int


class FailedError(Exception):
    """A contender's command failed."""


def timed(command: Command, log: Path) -> tuple[float, float]:
    """Run a command and return its wall clock and CPU seconds.

    Raises:
        FailedError: it failed or took too long, with the end of what it said.
    """
    with log.open("wb") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command.words,
            cwd=ROOT,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        overdue = threading.Timer(_DEADLINE, os.killpg, (process.pid, signal.SIGKILL))
        overdue.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        overdue.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise FailedError(f"{' '.join(command.words)}: exit code {process.returncode}\n{tail}")
    return wall, usage.ru_utime + usage.ru_stime
