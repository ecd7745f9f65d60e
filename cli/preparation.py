"""Preparing machines, as host.copy, .firewall, .install, lang.*, iptable.* and nfs.* do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.password import password as secret
from cli.session import Session

if TYPE_CHECKING:
    from hosts.prepare.setup import Item

PASSWORD_HELP = {"password": "The password for sudo, where it wants one; bare asks, - reads stdin."}


def prepare_machines(s: Session, items: Sequence[Item], password: str) -> None:
    """Make the chosen machines have `items`, show the report, and end with its exit code.

    Args:
        password: the value of -p: "" for none.
    """
    from hosts.prepare.setup import prepare

    given = secret(s, password, "the SSH user on the nodes") if password else None
    with s.fleet(s.hosts, given) as fleet:
        report = prepare(fleet, items, given, s.say, dry=s.options.dry)
    s.finish(report)
