"""host.copy, host.install, lang.install: what machines are to have before they are nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from invoke import Collection

from tasks.command import command
from tasks.password import password as secret
from tasks.session import Session

if TYPE_CHECKING:
    from hosts.setup import Item

lang = Collection("lang")
_PASSWORD = {"password": "The password for sudo, where it wants one; bare asks, - reads stdin."}


@command(help=_PASSWORD, optional=["password"])
def copy(s: Session, password: str = "") -> None:
    """Write all nodes' names and addresses into /etc/hosts on every node, in a marked block."""
    from hosts import wanted

    _prepare(s, wanted.names(s.inventory), password)


@command(help=_PASSWORD, optional=["password"])
def install(s: Session, password: str = "") -> None:
    """Install what a node needs: Docker Engine, chrony, limits, log rotation, GPU runtime."""
    from hosts import wanted

    _prepare(s, wanted.install(s.settings, s.inventory), password)


@command(help={"locale": "Such as ko_KR.UTF-8.", **_PASSWORD}, optional=["password"])
def lang_install(s: Session, locale: str = "", password: str = "") -> None:
    """Install a locale on every node, and make it the one in use."""
    from hosts import wanted

    _prepare(s, wanted.locale(locale), password)


def _prepare(s: Session, items: Sequence[Item], password: str) -> None:
    from hosts.setup import prepare

    given = secret(s, password, "the SSH user on the nodes") if password else None
    with s.fleet(s.hosts, given) as fleet:
        report = prepare(fleet, items, given, s.say, dry=s.options.dry)
    s.finish(report)


HOST_TASKS = (copy, install)
lang.add_task(lang_install, name="install")
COLLECTIONS = (lang,)
