"""What a client of SSH wants, whether it may, and how git is told. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

READ, WRITE = "git-upload-pack", "git-receive-pack"
ROOT = "/srv/git"
_MAY = {READ: ("owner", "member", "viewer"), WRITE: ("owner", "member")}
_PROJECT = re.compile(r"/?([a-z0-9][a-z0-9-]{0,62})(?:\.git)?/?")
_PROTOCOL = re.compile(r"version=[012]")


class RefusedError(Exception):
    """The client may not; the text says why."""


@dataclass(frozen=True)
class Wanted:
    """What is run: a verb of git, in a project's repository."""

    verb: str
    project: str

    @property
    def folder(self) -> str:
        """The repository."""
        return f"{ROOT}/{self.project}.git"


def wanted(command: str, account: str, roles: Mapping[str, str]) -> Wanted:
    """Return what a command of SSH is about.

    Args:
        command: as the client said it. roles: what the account is, by project.

    Raises:
        RefusedError: it is not git's, or the account may not.
    """
    try:
        verb, path = shlex.split(command)
    except ValueError:
        verb, path = "", ""
    found = _PROJECT.fullmatch(path)
    if verb not in _MAY or not found:
        there = ", ".join(sorted(roles)) or "none"
        raise RefusedError(f"{account}: there is git here, and nothing else. Projects: {there}")
    project, role = found[1], roles.get(found[1], "")
    if not role:
        raise RefusedError(f"{account}: there is no repository {project} for you")
    if role not in _MAY[verb]:
        raise RefusedError(
            f"{account} is {role} of {project}, and may not push to it: members and owners may"
        )
    return Wanted(verb, project)


def roles(text: str) -> dict[str, str]:
    """Return the roles by project from the words that the line of the key has."""
    pairs = (each.partition(":") for each in text.split(",") if each)
    return {name: role for name, _, role in pairs}


def environment(asked: Wanted, account: str, most: int, said: Mapping[str, str]) -> dict[str, str]:
    """Return git's environment: what a repository's own file says otherwise does not count.

    Args:
        most: bytes of a push. said: the session's own environment.
    """
    config = {
        "core.hooksPath": "/opt/skp/hooks",
        "core.fsmonitor": "false",
        "receive.fsckObjects": "true",
        "receive.maxInputSize": str(most),
        "receive.unpackLimit": "1",
        "receive.advertisePushOptions": "true",
        "receive.shallowUpdate": "false",
        "receive.keepAlive": "5",
        "core.protectHFS": "true",
        "core.protectNTFS": "true",
    }
    found = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - the container's own
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": str(len(config)),
        "SKP_ACCOUNT": account,
        "SKP_PROJECT": asked.project,
    }
    for number, (key, value) in enumerate(config.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    if _PROTOCOL.fullmatch(protocol := said.get("GIT_PROTOCOL", "")):
        found["GIT_PROTOCOL"] = protocol
    return found
