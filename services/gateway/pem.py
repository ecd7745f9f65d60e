"""A certificate with its key, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


@dataclass(frozen=True)
class Certificate:
    """A certificate with its chain, and its key, both as PEM."""

    chain: str
    key: str = field(repr=False)


def written(chain: Iterable[x509.Certificate], key: PrivateKeyTypes) -> Certificate:
    """Return certificates, the first one's own first, and the key of that, as text."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(text_of(*chain), private.decode())


def text_of(*chain: x509.Certificate) -> str:
    """Return certificates as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(each.public_bytes(Encoding.PEM).decode() for each in chain)
