"""image.*: images that teams bring; those of the platform are in docker.image-*."""

from __future__ import annotations

from invoke import Collection

from cli import mirroring
from cli.command import command
from cli.session import Session

ns = Collection("image")


@command(
    help={
        "reference": "Images as their registries name them; also as words after the command.",
        "credentials": "A file of logins (mode 0600), such as docker login writes.",
    }
)
def mirror(s: Session, reference: str = "", credentials: str = "") -> None:
    """Copy images of other registries into the cluster's own, for deployments."""
    mirroring.mirror(s, reference, credentials)


ns.add_task(mirror)
