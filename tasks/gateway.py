"""gateway.*: the front door."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.session import Session

ns = Collection("gateway")


@command()
def ca(s: Session) -> None:
    """Print the certificate of the cluster's own authority, for browsers."""
    from services.gateway.service import authority

    with s.fleet() as fleet:
        text = authority(s.cluster(fleet))
    s.show({"certificate": text}, text.splitlines())


ns.add_task(ca)
