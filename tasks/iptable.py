"""iptable.*: the machines' way to the network."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.preparation import PASSWORD_HELP, prepare_machines
from cli.session import Session

ns = Collection("iptable")


@command(help={"undo": "Take it back.", **PASSWORD_HELP}, optional=["password"])
def masquerade(s: Session, undo: bool = False, password: str = "") -> None:
    """Let the other nodes reach the network through the master; at each boot again."""
    from hosts.prepare import machine_items
    from hosts.prepare.setup import Verb

    verb = Verb.UNDO if undo else Verb.FIX
    prepare_machines(s, machine_items.masquerade(s.settings, s.inventory, verb), password)


ns.add_task(masquerade)
