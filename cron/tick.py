"""What cron runs: a command, quiet unless something changed, failed, or is no longer failing.

cron mails what a job prints. So a node that stays off is told of once, and once when it is back.
Everything is in a log beside.
"""

from __future__ import annotations

import hashlib
import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from cluster.errors import ExitCode

_BYTES, _FILES = 1 << 20, 5  # of the log; then the oldest goes
# What tells nothing new: how long a step took, and in which way a node can't be reached (first it
# does not answer, then there is no route to it).
_SECONDS = re.compile(r"\b\d+(\.\d+)? s\b")
_UNREACHABLE = re.compile(
    r"^(! \S+: \S+) (does not answer within|can't be reached:) .*$", re.MULTILINE
)


def tick(program: Path, words: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command of `program`; return its exit code and what a person is to be told, if any.

    Args:
        program: skp.py.
        words: the command and its options.
        folder: where the log is, and what was told of last.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, program, "-q", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    _log(folder / "cron.log", " ".join(words), done.returncode, done.stdout)
    told = folder / f"cron-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:12]}.told"
    return done.returncode, _news(told, " ".join(words), done.returncode, done.stdout)


def _news(told: Path, command: str, code: int, said: str) -> str:
    """Return what is new; remember it in the file `told`."""
    if code == ExitCode.LOCKED:
        return ""  # another command is at work: the next tick comes
    if code == ExitCode.OK:
        before = told.exists()
        told.unlink(missing_ok=True)
        return f"{command}: all is right again\n{said}" if before else said
    trouble = _UNREACHABLE.sub(r"\1 is unreachable", _SECONDS.sub("", said))
    if told.exists() and told.read_text(encoding="utf-8") == trouble:
        return ""
    told.write_text(trouble, encoding="utf-8")
    return said or f"{command}: exit code {code}\n"


def _log(file: Path, command: str, code: int, said: str) -> None:
    handler = RotatingFileHandler(file, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    text = f"{command}: exit code {code}\n{said}".rstrip("\n")
    try:
        handler.emit(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))
    finally:
        handler.close()
