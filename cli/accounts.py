"""What the tasks of accounts and of projects share: asking the service, and telling what it did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from cli.local_file import text_of
from cli.session import Session
from cluster.errors import ConfigError

_ONCE = (("password", "Its password"), ("token", "The token"))
"""What an answer may have that can't be had again."""


def need(s: Session, **given: str) -> None:
    """Raise ConfigError for the first of the options that is not given."""
    for option, value in given.items():
        if not value:
            raise ConfigError(f"--{option} is needed", f"./skp.py --help {s.command}")


def ask(s: Session, verb: str, given: Mapping[str, str]) -> Any:
    """Have the service answer a verb that changes nothing of accounts."""
    from services.flask.commands import request

    with s.fleet() as fleet:
        return request(s.cluster(fleet), fleet, verb, given)


def change(s: Session, verb: str, given: Mapping[str, str], line: str) -> None:
    """Have the service carry a verb out, with the audit trail written, and show `line`.

    A dry run asks nothing. A password or a token that the service made is shown this once.
    """
    if s.options.dry:
        s.show({"changed": False}, [f"{s.command} {given.get('name', '')}: not done (--dry)."])
        return
    from services.flask.commands import change as carried_out

    with s.fleet() as fleet:
        found, complaints = carried_out(s.cluster(fleet), fleet, s.command, verb, given)
    s.warn(complaints)
    once = (f" {said}, shown this once: {found[key]}" for key, said in _ONCE if key in found)
    s.show(found, [line + "".join(once)])


def with_roles(found: Iterable[Mapping[str, Any]]) -> str:
    """Return the names of members, or of a member's projects, each with the role there."""
    return ", ".join(f"{each['name']} ({each['role']})" for each in found)


def day(seconds: int | None) -> str:
    """Return the day of a time, in seconds since 1970; "never" for none."""
    return "never" if seconds is None else time.strftime("%Y-%m-%d", time.gmtime(seconds))


def public_key(where: str) -> str:
    """Return the line of a file of one public key; raises ConfigError."""
    text = text_of("file", where, "~/.ssh/id_ed25519.pub, say")
    if "PRIVATE KEY" in text:
        raise ConfigError(f"--file={where} is a private key", "Give the file that ends with .pub.")
    return text.strip()
