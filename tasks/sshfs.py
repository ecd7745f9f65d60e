"""sshfs.*: the credentials of the data volume on an SSH server."""

from __future__ import annotations

from dataclasses import replace

from invoke import Collection

from cli.command import command
from cli.confirmation import confirm_key
from cli.password import password as secret
from cli.session import Session

ns = Collection("sshfs")


@command(help={"renew": "A new key in place of the one that there is; then sshfs.copy-id -p."})
def keygen(s: Session, renew: bool = False) -> None:
    """Make the key that logs in to the SSH server of the data volume."""
    from services.volumes import sshfs

    renewed = frozenset({sshfs.KEY} if renew else ())
    s.change(sshfs.stored, replace(s.declared, renewed=renewed))


@command(
    help={
        "password": "The user's password on the server; bare asks, - reads standard input.",
        "accept-host-keys": "Accept an unknown host key without asking; --yes does not.",
        "renew": "Ask about the server's host key, though it was accepted before.",
    },
    optional=["password"],
)
def copy_id(
    s: Session, password: str = "", accept_host_keys: bool = False, renew: bool = False
) -> None:
    """Have the SSH server accept the key: the password once, then the key."""
    from services.volumes import sshfs
    from services.volumes.backends import SSHFS

    target = sshfs.server(s.declared.alone())
    if s.options.dry:
        what = f"would add the key to {target.user}@{target.host} and pin that server's host key"
        s.show({"planned": what}, [what])
        return
    given = secret(s, password, f"{target.user}@{target.host}")
    with s.fleet(s.inventory.managers) as fleet:
        login = sshfs.login(s.declared, fleet)
    login = login.asking() if renew else login
    found = sshfs.copy_id(
        login,
        given,
        lambda question: confirm_key(question, s.options, accepted=accept_host_keys),
    )
    s.change(sshfs.stored, replace(s.declared, chosen={SSHFS.accepted: found}))


for _task in (keygen, copy_id):
    ns.add_task(_task)
