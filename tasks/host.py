"""host.*: the machines themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from invoke import Collection

import services
from cli.command import command
from cli.preparation import PASSWORD_HELP, install_machines, prepare_machines
from cli.session import Session

if TYPE_CHECKING:
    from hosts.check.facts import Finding
    from hosts.prepare.setup import Item

ns = Collection("host")


@command()
def check(s: Session) -> None:
    """Find what is wrong with the machines, and what to do; changes nothing."""
    from hosts.check.preflight import check

    chosen = [host.name for host in s.hosts]
    with s.fleet() as fleet:  # the managers too: they know which ports are wanted
        every = check(fleet, s.cluster(fleet), services.catalogue().values())
    found = [finding for finding in every if finding.node in chosen]
    if found or s.options.json or not s.options.quiet:
        s.show([asdict(finding) for finding in found], _lines(found, chosen))
    s.end({}, found)


def _lines(found: Sequence[Finding], chosen: Sequence[str]) -> Iterator[str]:
    for finding in found:
        yield f"! {finding.node} {finding.check}: {finding.found}"
        yield from (f"    {line}" for line in finding.fix.splitlines())
    if found:
        yield f"{len(found)} finding(s) on {len({finding.node for finding in found})} node(s)."
    else:
        yield f"Nothing is wrong with {', '.join(chosen)}."


@command(help=PASSWORD_HELP, optional=["password"])
def copy(s: Session, password: str = "") -> None:
    """Write all nodes' names and addresses into every node's /etc/hosts."""
    from hosts.prepare import machine_items

    prepare_machines(s, machine_items.names(s.inventory), password)


@command(help=PASSWORD_HELP, optional=["password"])
def install(s: Session, password: str = "") -> None:
    """Install Docker Engine, firewall, chrony, limits, log rotation, GPU support."""
    from hosts.prepare import machine_items

    items = (*machine_items.install(s.settings, s.inventory), *_firewall(s, undo=False))
    install_machines(s, items, password)


@command(help={"undo": "Take it back.", **PASSWORD_HELP}, optional=["password"])
def firewall(s: Session, undo: bool = False, password: str = "") -> None:
    """Keep strangers and containers from the nodes' own ports; at each boot again."""
    prepare_machines(s, _firewall(s, undo=undo), password)


def _firewall(s: Session, *, undo: bool) -> tuple[Item, ...]:
    from hosts.prepare import machine_items
    from hosts.prepare.setup import Verb

    verb = Verb.UNDO if undo else Verb.FIX
    return machine_items.firewall(s.declared.alone(), services.catalogue().values(), verb)


for _task in (check, copy, install, firewall):
    ns.add_task(_task)
