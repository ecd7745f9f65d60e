"""blobfs.*: the credentials of the data volume on Blob."""

from __future__ import annotations

from functools import partial

from invoke import Collection

from cli.command import command
from cli.session import Session

ns = Collection("blobfs")


@command()
def init(s: Session) -> None:
    """Write Blob's account key for the data volume, once the server has accepted it."""
    from services.volumes import blob
    from services.volumes.credentials import write

    s.change(partial(write, wanted=blob.proven(s.declared.alone())))


ns.add_task(init)
