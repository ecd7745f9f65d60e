"""What cron runs: a command, quiet unless it changed something, failed, or works again.

cron mails what a job prints. A fault that stays the same is therefore printed once, and its end
once; warnings that stay the same are printed once too. The log has the output of every run.
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

_WARNING = "skp: warning: "  # what such lines begin with
_BYTES, _FILES = 1 << 20, 5  # the size of a log file, and how many older ones are kept
# Parts of a fault's text that change while the fault stays the same: how long a step took, and why
# a node can't be reached (first it does not answer, then there is no route to it).
_SECONDS = re.compile(r"\b\d+(\.\d+)? s\b")
_UNREACHABLE = re.compile(
    r"^(! \S+: \S+) (does not answer within|can't be reached:) .*$", re.MULTILINE
)


def tick(program: Path, words: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command of `program`; return its exit code and its news, "" for none.

    Args:
        program: skp.py.
        words: the command and its options.
        folder: where the log is, and the fault of each command that was reported last.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, program, "-q", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    _log(folder / "cron.log", " ".join(words), done.returncode, done.stdout)
    last_fault = folder / f"cron-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:12]}.told"
    return done.returncode, _news(last_fault, " ".join(words), done.returncode, done.stdout)


def _news(last_fault: Path, command: str, code: int, output: str) -> str:
    """Return what was not printed before, and keep the fault in the file `last_fault`."""
    if code == ExitCode.LOCKED:
        return ""  # another command is changing the cluster; the next tick tries again
    if code == ExitCode.OK:
        failed_before = last_fault.exists()
        last_fault.unlink(missing_ok=True)
        news = _without_known_warnings(last_fault.with_suffix(".warned"), output)
        return f"{command}: all is right again\n{news}" if failed_before else news
    fault = _UNREACHABLE.sub(r"\1 is unreachable", _SECONDS.sub("", output))
    if last_fault.exists() and last_fault.read_text(encoding="utf-8") == fault:
        return ""
    last_fault.write_text(fault, encoding="utf-8")
    return output or f"{command}: exit code {code}\n"


def _without_known_warnings(last: Path, output: str) -> str:
    """Return the output without its warnings if they are those of the run before."""
    lines = output.splitlines(keepends=True)
    warned = "".join(line for line in lines if line.startswith(_WARNING))
    if last.exists() and last.read_text(encoding="utf-8") == warned:
        return "".join(line for line in lines if not line.startswith(_WARNING))
    last.write_text(warned, encoding="utf-8")
    return output


def _log(file: Path, command: str, code: int, output: str) -> None:
    handler = RotatingFileHandler(file, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    text = f"{command}: exit code {code}\n{output}".rstrip("\n")
    try:
        handler.emit(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))
    finally:
        handler.close()
