"""Names of accounts and projects: one strict pattern, and those that nobody can have. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from accounts.errors import InvalidError

LONGEST = 32
_PATTERN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_FORM = (
    f"2 to {LONGEST} of a-z, 0-9 and -; the first a letter, and no - at an end or beside another"
)
# Users and groups that Debian, Ubuntu and what runs on a node have or may get: an account may
# become a user of a system. ("admin" is none of Debian's; the first account has that name.)
_SYSTEM = frozenset(Path(__file__).with_name("system-names.txt").read_text("ascii").split())
_PREFIXES = ("systemd-", "skp-", "docker-", "dbus-")
_SUFFIXES = ("-skp",)


def check(name: str, reserved: Collection[str]) -> str:
    """Return `name` if an account or a project may have it.

    Args:
        reserved: names that this cluster's own services and users have.

    Raises:
        InvalidError: it is not of the form, or somebody else's.
    """
    check_form(name, "name")
    if name in _SYSTEM or name in reserved or is_ours(name):
        raise InvalidError(f"{name} is a name of the system or of the platform", "Choose another.")
    return name


def check_form(text: str, what: str) -> None:
    """Raise InvalidError unless `text` is of the form of a name.

    Args:
        what: what it is to be: "name", or what else has that form.
    """
    if not is_formed(text):
        raise InvalidError(f"that is no {what}; allowed: {_FORM}")


def is_formed(name: str) -> bool:
    """Return whether `name` is of the form of a name, so that there can be somebody who has it."""
    return 2 <= len(name) <= LONGEST and bool(_PATTERN.fullmatch(name))


def is_ours(name: str) -> bool:
    """Return whether a name is of a form that the platform keeps for itself."""
    return name == "skp" or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES)
