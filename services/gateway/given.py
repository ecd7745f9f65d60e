"""A certificate that a person has: looked at before it is stored, and read again. Pure."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from cluster.errors import ConfigError
from services.gateway.pem import Certificate, text_of, written

if TYPE_CHECKING:
    from cryptography import x509 as types
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

KEY = "GATEWAY_CERTIFICATE"
"""The stored secret that has it: certificates and key as PEM, one after another, in base64."""
_MOST = 24_000  # characters of PEM; the managers' file of secrets has room for 64 kB
_SOON = 14  # days
_WRONG = "the certificate"
_PEM = "It wants PEM files: the certificate with those that signed it, and its key."


def stored(certificate: Certificate) -> Secret:
    """Return the certificate as `KEY` has it."""
    return Secret(base64.b64encode(f"{certificate.chain}{certificate.key}".encode()).decode())


def read(secret: Secret) -> Certificate | None:
    """Return the certificate that is stored, None for none; raises ConfigError for another text."""
    if not secret.reveal():
        return None
    try:
        text = base64.b64decode(secret.reveal()).decode()
    except ValueError:
        text = ""
    chain, mark, rest = text.rpartition("-----END CERTIFICATE-----\n")
    if not mark:
        raise ConfigError(f"{KEY} is not what gateway.cert stores", "./skp.py gateway.cert-rm")
    return Certificate(chain + mark, rest)


def checked(chain: str, key: str, hosts: Collection[str], now: datetime) -> Certificate:
    """Return the certificate and key in two files, if the door can use them.

    Args:
        chain: certificates as PEM: that of the door first, then those that signed it.
        key: its key as PEM, without a passphrase. hosts: the names and addresses of all pages.

    Raises:
        ConfigError: what is wrong with them; never what is in the key.
    """
    if len(chain) + len(key) > _MOST:
        raise ConfigError(f"{_WRONG} and its key are longer than {_MOST} characters", _PEM)
    found, private = _certificates(chain), _key(key)
    leaf = found[0]
    if private.public_key() != leaf.public_key():
        raise ConfigError(f"the key is not that of {_WRONG}", "Give the key that it was made for.")
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not begin <= now < end:
        what = f"{_WRONG} counts from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"
        raise ConfigError(what, "Give one that counts today.")
    if missing := uncovered(leaf, hosts):
        raise ConfigError(
            f"{_WRONG} is not for {', '.join(missing)}; it is for {', '.join(_names(leaf))}",
            "Pages are at SKP_DOMAIN, GATEWAY_HOST or the door's address.",
        )
    # (A file may have both, in any order: of each, what it is to have.)
    return written(found, private)


def signers(certificate: Certificate) -> str:
    """Return those that signed a certificate, as PEM; "" where the file has it alone."""
    return text_of(*_certificates(certificate.chain)[1:])


def complaints(certificate: Certificate, hosts: Collection[str], now: datetime) -> list[str]:
    """Return what a person has to know of the certificate that is stored."""
    leaf, found = _certificates(certificate.chain)[0], []
    days = (leaf.not_valid_after_utc - now.astimezone(UTC)).days
    if days < _SOON:
        ends = f"{leaf.not_valid_after_utc:%Y-%m-%d}"
        found.append(f"the front door's certificate ends at {ends}: gateway.cert stores another")
    if missing := uncovered(leaf, hosts):
        found.append(f"the front door's certificate is not for {', '.join(missing)}")
    return found


def uncovered(leaf: types.Certificate, hosts: Collection[str]) -> list[str]:
    """Return the hosts that a certificate is not for, in order (RFC 6125: "*" is one label)."""
    names = set(_names(leaf))

    def covers(host: str) -> bool:
        _, dot, parent = host.partition(".")
        is_name = not host.replace(".", "").isdigit()
        return host in names or bool(is_name and dot and f"*.{parent}" in names)

    return sorted({host for host in hosts if not covers(host.lower())})


def _names(leaf: types.Certificate) -> list[str]:
    from cryptography import x509

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses: Sequence[object] = names.get_values_for_type(x509.IPAddress)
    named = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    return [*named, *(str(a) for a in addresses if isinstance(a, ipaddress.IPv4Address))]


def _certificates(chain: str) -> list[types.Certificate]:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(chain.encode())
    except ValueError:
        raise ConfigError(f"there is no certificate in the file of {_WRONG}", _PEM) from None


def _key(key: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(key.encode(), None)
    except TypeError:
        raise ConfigError("the key has a passphrase", "openssl pkey -in KEY -out OTHER") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("there is no key in the file of the key", _PEM) from None
