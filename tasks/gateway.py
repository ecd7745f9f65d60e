"""gateway.*: the front door."""

from __future__ import annotations

from dataclasses import replace

from invoke import Collection

from cli.command import command
from cli.local_file import text_of
from cli.session import Session

ns = Collection("gateway")


@command()
def ca(s: Session) -> None:
    """Print the certificate of the cluster's own authority, for browsers."""
    from cluster.facts.cluster import known_secrets
    from services.gateway.commands import authority

    with s.fleet() as fleet:
        text = authority(s.cluster(fleet), known_secrets(s.declared, fleet))
    s.show({"certificate": text}, text.splitlines())


@command(
    help={
        "certificate": "PEM file: the certificate for all pages, then those that signed it.",
        "key": "PEM file of its key, without a passphrase.",
    }
)
def cert(s: Session, certificate: str = "", key: str = "") -> None:
    """Store a certificate of your own for the front door; docker.apply exchanges it."""
    from services.gateway.commands import own_certificate, storing

    chain, secret = _pem("certificate", certificate), _pem("key", key)
    with s.fleet() as fleet:
        chosen = own_certificate(s.cluster(fleet), chain, secret)
    s.change(storing, replace(s.declared, chosen=chosen))


@command(name="cert-rm")
def cert_rm(s: Session) -> None:
    """Forget that certificate: the cluster's own authority signs one again."""
    from cluster.config.secrets import Secret
    from services.gateway.commands import storing
    from services.gateway.given import KEY

    s.change(storing, replace(s.declared, chosen={KEY: Secret("")}))


def _pem(option: str, where: str) -> str:
    return text_of(option, where, "a PEM file: -c fullchain.pem -k privkey.pem, say")


for _task in (ca, cert, cert_rm):
    ns.add_task(_task)
