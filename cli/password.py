"""A password that a task is given: never kept, and not on the command line if it can be helped."""

from __future__ import annotations

import getpass
import sys

from cli.session import Session
from cluster.config.secrets import Secret
from cluster.errors import ConfigError


def password(s: Session, given: str | bool, whose: str) -> Secret:
    """Return the password that `-p` means: asked for when bare, standard input for `-p -`.

    Raises:
        ConfigError: none was given, and nobody is there who could be asked.
    """
    if given == "-":
        text = sys.stdin.readline().rstrip("\r\n")
    elif isinstance(given, str) and given:
        s.warn(["a password on the command line is seen by others (ps, history): use -p alone"])
        text = given
    elif sys.stdin.isatty():
        text = getpass.getpass(f"Password of {whose}: ")
    else:
        text = ""
    if not text:
        raise ConfigError(
            f"the password of {whose} is needed", "-p asks for it; -p - reads standard input."
        )
    return Secret(text)
