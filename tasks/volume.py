"""sshfs.*: the credentials of the data volumes, and the image that mounts them."""

from __future__ import annotations

from invoke import Collection

from cluster.errors import ConfigError
from cluster.spec import TAG
from tasks.command import command
from tasks.confirm import confirm
from tasks.password import password as secret
from tasks.session import Session

sshfs = Collection("sshfs")


@command()
def keygen(s: Session) -> None:
    """Make the key that logs in to the SSH server of the data volume."""
    from services import volume_ssh

    s.change(lambda fleet: volume_ssh.keygen(s.cluster, fleet))


@command(
    help={"password": "The user's password on the server; bare asks, - reads standard input."},
    optional=["password"],
)
def copy_id(s: Session, password: str = "") -> None:
    """Have the SSH server accept the key: logs in with the password once, then by the key."""
    from services import volume_ssh

    target = volume_ssh.server(s.cluster)
    if s.options.dry:
        print(f"would add the key to {target.user}@{target.host} and pin that server's host key")
        return
    given = secret(s, password, f"{target.user}@{target.host}")
    with s.fleet([s.inventory.master]) as fleet:
        line = volume_ssh.copy_id(s.cluster, fleet, given, lambda q: confirm(q, s.options))
    s.change(lambda fleet: volume_ssh.pin(s.cluster, fleet, line))


@command(help={"tag": "The image's tag."})
def image_build_fuse(s: Session, tag: str = "latest") -> None:
    """Build the image that mounts data volumes on the master and push it to the registry."""
    from services.volumes import SERVICE

    if not TAG.fullmatch(tag):
        raise ConfigError(f"-t={tag}: not an image tag; allowed: such as latest or 1.0")
    s.build(SERVICE.image(s.settings, tag), {})


sshfs.add_task(keygen)
sshfs.add_task(copy_id)
COLLECTIONS = (sshfs,)
DOCKER_TASKS = (image_build_fuse,)
