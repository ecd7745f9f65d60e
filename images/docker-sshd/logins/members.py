"""Who may log in, and how the system is told: lines of passwd and group. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)
_KEY = re.compile(r"[a-z0-9@.-]{3,60} [A-Za-z0-9+/]+={0,2}", re.ASCII)
_FIRST, _LAST = 1000, (1 << 31) - 1  # of ids: what is below is the system's
_SHELL, HOMES = "/bin/bash", "/home"


@dataclass(frozen=True)
class Member:
    """An account that may log in.

    Attributes:
        keys: its public keys, each a line of authorized_keys without options.
    """

    name: str
    uid: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Members:
    """All that may log in, as members of one group."""

    gid: int
    every: tuple[Member, ...]

    def find(self, name: str) -> Member | None:
        """Return the one of that name, or None."""
        return next((each for each in self.every if each.name == name), None)

    @property
    def uids(self) -> frozenset[int]:
        """Their user ids."""
        return frozenset(each.uid for each in self.every)


def parsed(said: Any, project: str) -> Members:
    """Return the members that an answer lists.

    Raises:
        ValueError: it is of another project, or not of its form.
    """
    try:
        if said["project"] != project:
            raise ValueError("it is of another project")
        every = tuple(
            Member(_name(each["name"]), _number(each["uid"]), key_lines(each["keys"]))
            for each in said["members"]
        )
        gid = _number(said["gid"])
    except (KeyError, TypeError):
        raise ValueError("it is not of its form") from None
    if len({each.uid for each in every}) + len({each.name for each in every}) != 2 * len(every):
        raise ValueError("somebody is in it twice")
    return Members(gid, every)


def key_lines(said: Any) -> tuple[str, ...]:
    """Return public keys; raises ValueError for what is none: sshd reads options in such a line."""
    found = tuple(said)
    if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in found):
        raise ValueError("there is something else than a public key")
    return found


def apart_from(members: Members, passwd: str) -> tuple[Members, list[str]]:
    """Return the members without those whose name or id the image has itself, and who those are.

    Args:
        passwd: the image's /etc/passwd. A member of such a name would be somebody else here.
    """
    lines = [line.split(":") for line in passwd.splitlines() if line.count(":") >= 2]
    names, numbers = {line[0] for line in lines}, {line[2] for line in lines}
    own = [m for m in members.every if m.name in names or str(m.uid) in numbers]
    kept = tuple(each for each in members.every if each not in own)
    return Members(members.gid, kept), [each.name for each in own]


def passwd_of(members: Members) -> str:
    """Return the lines of passwd, without a password that could fit."""
    return "".join(
        f"{each.name}:x:{each.uid}:{members.gid}::{HOMES}/{each.name}:{_SHELL}\n"
        for each in members.every
    )


def group_of(project: str, members: Members) -> str:
    """Return the line of group; each has it as his own group, so none is listed."""
    return f"{project}:x:{members.gid}:\n"


def gone(known: Iterable[int], now: Collection[int]) -> frozenset[int]:
    """Return the user ids of those that were in and are not any more."""
    return frozenset(uid for uid in known if uid not in now)


def _name(said: Any) -> str:
    if not isinstance(said, str) or not _NAME.fullmatch(said):
        raise ValueError("a name is none")
    return said


def _number(said: Any) -> int:
    if type(said) is not int or not _FIRST <= said <= _LAST:
        raise ValueError("an id is none of an account or a project")
    return said
