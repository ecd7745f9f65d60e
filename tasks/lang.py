"""lang.*: the locale of the machines."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.preparation import PASSWORD_HELP, prepare_machines
from cli.session import Session

ns = Collection("lang")


@command(help={"locale": "Such as ko_KR.UTF-8.", **PASSWORD_HELP}, optional=["password"])
def install(s: Session, locale: str = "", password: str = "") -> None:
    """Install a locale on every node, and make it the one in use."""
    from hosts.prepare import machine_items

    prepare_machines(s, machine_items.locale(locale), password)


ns.add_task(install)
