"""s3fs.*: the credentials of the data volume on S3."""

from __future__ import annotations

from functools import partial

from invoke import Collection

from cli.command import command
from cli.session import Session

ns = Collection("s3fs")


@command()
def init(s: Session) -> None:
    """Write S3's access key for the data volume, once the server has accepted it."""
    from services.volumes import s3
    from services.volumes.credentials import write

    s.change(partial(write, wanted=s3.proven(s.declared.alone())))


ns.add_task(init)
