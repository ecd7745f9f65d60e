"""s3fs.*: the credentials of the data volume on S3."""

from __future__ import annotations

from dataclasses import replace

from invoke import Collection

from cli.command import command
from cli.session import Session

ns = Collection("s3fs")


@command()
def init(s: Session) -> None:
    """Store S3's access key for the data volume, once the server has accepted it."""
    from services.volumes import s3
    from services.volumes.backends import S3
    from services.volumes.shared import storing

    proven = s3.proven(s.declared.alone())
    s.change(storing(S3), replace(s.declared, chosen={S3.accepted: proven}))


ns.add_task(init)
