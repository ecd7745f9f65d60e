"""host.*: the machines themselves."""

from __future__ import annotations

import json
from dataclasses import asdict

from invoke import Collection, Exit

import services
from cli.command import command
from cli.preparation import PASSWORD_HELP, prepare_machines
from cli.session import Session
from cluster.errors import ExitCode

ns = Collection("host")


@command()
def check(s: Session) -> None:
    """Find what is wrong with the machines, and what to do; changes nothing."""
    from hosts.check.preflight import check

    chosen = [host.name for host in s.hosts]
    with s.fleet() as fleet:  # the managers too: they know which ports are wanted
        every = check(fleet, s.cluster(fleet), services.catalogue().values())
    found = [finding for finding in every if finding.node in chosen]
    if s.options.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False))
    elif found:
        for finding in found:
            print(f"! {finding.node} {finding.check}: {finding.found}")
            print("\n".join(f"    {line}" for line in finding.fix.splitlines()))
        print(f"{len(found)} finding(s) on {len({finding.node for finding in found})} node(s).")
    elif not s.options.quiet:
        print(f"Nothing is wrong with {', '.join(chosen)}.")
    if found:
        raise Exit(code=int(ExitCode.FAILED))


@command(help=PASSWORD_HELP, optional=["password"])
def copy(s: Session, password: str = "") -> None:
    """Write all nodes' names and addresses into every node's /etc/hosts."""
    from hosts.prepare import machine_items

    prepare_machines(s, machine_items.names(s.inventory), password)


@command(help=PASSWORD_HELP, optional=["password"])
def install(s: Session, password: str = "") -> None:
    """Install Docker Engine, chrony, limits, log rotation, GPU runtime."""
    from hosts.prepare import machine_items

    prepare_machines(s, machine_items.install(s.settings, s.inventory), password)


for _task in (check, copy, install):
    ns.add_task(_task)
