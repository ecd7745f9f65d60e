"""The crontab of the current user: read and write it; the environment that its commands need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster.errors import ConfigError

_SECONDS = 10
_PROGRAMS = ("bash", "ssh")  # the programs that commands start on this machine


def table() -> str:
    """Return the text of the crontab; "" when there is none.

    Raises:
        ConfigError: this machine has no cron, or this user may have no crontab.
    """
    done = _crontab("-l")
    if done.returncode != 0 and "no crontab for" not in done.stderr:
        raise ConfigError(f"crontab -l: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else ""


def replace(text: str) -> None:
    """Make `text` the crontab.

    Raises:
        ConfigError: cron refuses the text; the old crontab stays.
    """
    done = _crontab("-", text)
    if done.returncode != 0:
        raise ConfigError(f"the crontab is refused: {done.stderr.strip()}")


def environment(passed_on: Iterable[str]) -> Mapping[str, str]:
    """Return the variables that a job needs and cron does not set: PATH, LANG and `passed_on`.

    Args:
        passed_on: names of variables that hold paths; those that are set are made absolute.

    Raises:
        ConfigError: a program that commands start is not on this machine.
    """
    found = [Path(sys.base_prefix) / "bin", *(Path(p).parent for p in map(_which, _PROGRAMS))]
    folders = dict.fromkeys([*map(str, found), "/usr/bin", "/bin"])
    given = {key: str(Path(os.environ[key]).absolute()) for key in passed_on if os.environ.get(key)}
    return {"PATH": ":".join(folders), "LANG": os.environ.get("LANG", "C.UTF-8"), **given}


def _which(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ConfigError(f"there is no {program} on this machine", "bin/setup")
    return found


def _crontab(word: str, text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["crontab", word], input=text, capture_output=True, timeout=_SECONDS,
            encoding="utf-8", errors="surrogateescape",  # other lines' bytes stay as they are
            check=False, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError:
        raise ConfigError("there is no cron on this machine", "apt-get install cron") from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f"crontab does not answer within {_SECONDS} s") from None
