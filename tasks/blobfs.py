"""blobfs.*: the credentials of the data volume on Blob."""

from __future__ import annotations

from dataclasses import replace

from invoke import Collection

from cli.command import command
from cli.session import Session

ns = Collection("blobfs")


@command()
def init(s: Session) -> None:
    """Store Blob's account key for the data volume, once the server has accepted it."""
    from services.volumes import blob
    from services.volumes.backends import BLOB
    from services.volumes.shared import storing

    proven = blob.proven(s.declared.alone())
    s.change(storing(BLOB), replace(s.declared, chosen={BLOB.accepted: proven}))


ns.add_task(init)
