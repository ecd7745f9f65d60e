"""host.*: the machines themselves."""

from __future__ import annotations

import json
from dataclasses import asdict

from invoke import Collection, Exit

import services
from cli.command import command
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


ns.add_task(check)
