"""Logging in to a server by SSH, with options and known hosts that a test changes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from cluster.config.secrets import Secret
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target

SECONDS = 5.0


def options(target: Target, **changed: str | Path) -> Target:
    """Return the target with other options of OpenSSH."""
    return replace(target, options={**target.options, **{k: str(v) for k, v in changed.items()}})


def known(target: Target) -> Path:
    """Return the user's file of known hosts."""
    return Path(target.options["userknownhostsfile"])


def log_in(target: Target, password: str = "", seconds: float = SECONDS) -> None:
    """Connect, and run a command to show that it is a connection."""
    secret = Secret(password) if password else None
    with closing(SshConnection(target, seconds, secret)) as connection:
        assert connection.run("echo in", deadline=SECONDS).text == "in"
