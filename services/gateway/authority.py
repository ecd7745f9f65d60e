"""The cluster's own certificate authority, made from a stored secret: always the same. Pure.

Networks without an internet have no other. Its root is installed once by whoever opens pages
(`gateway.ca`); it may sign nothing but the cluster's names and private addresses (RFC 5280,
4.2.1.10), so that who steals it can't pose as anybody else. The door's certificate is signed anew
with each period of 30 days: whoever asks within one gets the same, and no one has to keep it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from services.gateway.pem import Certificate, text_of, written

if TYPE_CHECKING:
    from cryptography import x509 as types
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BEGIN, _END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)
PERIOD = timedelta(days=30)
"""How long the same certificate is made; it counts for three times as long."""
_BEFORE = timedelta(days=2)  # clocks differ
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256's points
# RFC 1918, 6598, 3927 and loopback.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
_LOOPBACK = "127.0.0.0/8"


@dataclass(frozen=True)
class Names:
    """What the door is called.

    Attributes:
        hosts: host names and IPv4 addresses. domain: all names one level below it; "" for none.
    """

    hosts: tuple[str, ...]
    domain: str = ""

    @property
    def addresses(self) -> list[ipaddress.IPv4Address]:
        """Those of `hosts` that are addresses."""
        return [ipaddress.IPv4Address(host) for host in self.hosts if _is_address(host)]

    @property
    def dns(self) -> list[str]:
        """Those that are none, and the domain's."""
        named = [host.lower() for host in self.hosts if not _is_address(host)]
        return [*named, *([self.domain, f"*.{self.domain}"] if self.domain else [])]


def root(secret: Secret, names: Names) -> str:
    """Return the authority's own certificate as PEM."""
    return text_of(_root(secret, names))


@cache
def certificate(secret: Secret, names: Names, period: int) -> Certificate:
    """Return the door's certificate of a period, with its key.

    Args:
        period: its number (`period_of`).
    """
    from cryptography import x509

    key, authority = _key(secret, f"door {period}"), _key(secret, "authority")
    begin = datetime.fromtimestamp(0, UTC) + period * PERIOD
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("SKP front door"))
        .issuer_name(_root(secret, names).subject)
        .public_key(key.public_key())
        .serial_number(_serial("door", str(period), *names.hosts, names.domain))
        .not_valid_before(begin - _BEFORE)
        .not_valid_after(begin + 3 * PERIOD)
        .add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical=False,
        )
    )
    return written([_sign(builder, authority)], key)


def period_of(seconds: float) -> int:
    """Return the number of the period that a time, in seconds since 1970, is in."""
    return int(seconds // PERIOD.total_seconds())


def _root(secret: Secret, names: Names) -> types.Certificate:
    from cryptography import x509

    key = _key(secret, "authority")
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    subject = _name(f"SKP {identity.digest.hex()[:8]}")
    private = [ipaddress.IPv4Network(each) for each in (*_PRIVATE, _LOOPBACK)]
    others = [a for a in names.addresses if not any(a in network for network in private)]
    networks = [*private, *(ipaddress.IPv4Network(address) for address in sorted(set(others)))]
    domains = sorted({name.removeprefix("*.") for name in names.dns})
    permitted = [*map(x509.IPAddress, networks), *map(x509.DNSName, domains)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(_serial("root", *map(str, networks), *domains))
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identity, critical=False)
        .add_extension(
            x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None),
            critical=True,
        )
    )
    return _sign(builder, key)


def _general(names: Names) -> list[types.GeneralName]:
    from cryptography import x509

    return [*map(x509.DNSName, names.dns), *map(x509.IPAddress, names.addresses)]


def _usage(*, signs_certificates: bool) -> types.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(builder: types.CertificateBuilder, key: EllipticCurvePrivateKey) -> types.Certificate:
    """Sign it by a number that the content decides (RFC 6979): the same gives the same."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return builder.sign(key, SHA256(), ecdsa_deterministic=True)


@cache
def _key(secret: Secret, purpose: str) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    text = f"skp gateway {purpose}\0{secret.reveal()}"
    number = int.from_bytes(hashlib.sha512(text.encode()).digest())
    return ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1())


def _serial(*words: str) -> int:
    """Return a serial number of at most 159 bits (RFC 5280, 4.1.2.2)."""
    return int.from_bytes(hashlib.sha256("\0".join(words).encode()).digest()) >> 97 or 1


def _name(common: str) -> types.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
