"""sshfs.*: the credentials of the data volume on an SSH server."""

from __future__ import annotations

from invoke import Collection

from cli.command import command
from cli.confirmation import confirm_key
from cli.password import password as secret
from cli.session import Session

ns = Collection("sshfs")


@command()
def keygen(s: Session) -> None:
    """Make the key that logs in to the SSH server of the data volume."""
    from services.volumes import sshfs

    s.change(sshfs.keygen)


@command(
    help={
        "password": "The user's password on the server; bare asks, - reads standard input.",
        "accept-host-keys": "Pin the host key if it is not known without asking; --yes does not.",
    },
    optional=["password"],
)
def copy_id(s: Session, password: str = "", accept_host_keys: bool = False) -> None:
    """Have the SSH server accept the key: the password once, then the key."""
    from services.volumes import sshfs

    target = sshfs.server(s.declared.alone())
    if s.options.dry:
        what = f"would add the key to {target.user}@{target.host} and pin that server's host key"
        s.show({"planned": what}, [what])
        return
    given = secret(s, password, f"{target.user}@{target.host}")
    with s.fleet([s.inventory.master]) as fleet:
        line = sshfs.copy_id(
            s.cluster(fleet),
            fleet,
            given,
            lambda question: confirm_key(question, s.options, accepted=accept_host_keys),
        )
    s.change(lambda cluster, fleet: sshfs.pin(cluster, fleet, line))


for _task in (keygen, copy_id):
    ns.add_task(_task)
