"""Public SSH keys as accounts have them: one line each, without options. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from accounts.errors import InvalidError

KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
_LONGEST, _LONGEST_COMMENT = 4096, 100
_RSA_BITS = 2048


@dataclass(frozen=True)
class PublicKey:
    """A key: `text` is its kind and its base64, `fingerprint` the SHA-256 of what that means."""

    text: str
    comment: str
    fingerprint: str


def parse(line: str) -> PublicKey:
    """Return the key of a line of a .pub file.

    Raises:
        InvalidError: it is none, it has options, or it is an RSA key that is too short.
    """
    words = line.strip().split(" ", 2)
    if len(line) > _LONGEST or not line.strip().isprintable() or len(words) < 2:
        raise _no_key()
    kind, text = words[:2]
    if kind not in KINDS:
        raise _no_key()
    try:
        raw = base64.b64decode(text, validate=True)
        fields = _fields(raw)
    except (binascii.Error, ValueError):
        raise _no_key() from None
    if len(fields) < 2 or fields[0] != kind.encode():
        raise _no_key()
    if kind == "ssh-rsa" and int.from_bytes(fields[-1]).bit_length() < _RSA_BITS:
        raise InvalidError(
            f"that RSA key is too short; allowed: {_RSA_BITS} bits or more",
            "ssh-keygen -t ed25519 makes a better one.",
        )
    comment = words[2][:_LONGEST_COMMENT] if len(words) > 2 else ""
    return PublicKey(f"{kind} {text}", comment, hashlib.sha256(raw).hexdigest())


def from_openssh(fingerprint: str) -> str:
    """Return a fingerprint as it is kept, of one that OpenSSH writes: SHA256:BASE64.

    Raises:
        InvalidError: it is none.
    """
    kind, _, text = fingerprint.partition(":")
    try:
        raw = base64.b64decode(f"{text}=", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if kind != "SHA256" or len(raw) != hashlib.sha256().digest_size:
        what = "that is no fingerprint; allowed: SHA256: and 43 characters"
        raise InvalidError(what, "ssh-keygen -lf KEY.pub shows it.")
    return raw.hex()


def _fields(raw: bytes) -> list[bytes]:
    """Return the strings that a key's bytes consist of (RFC 4253, 6.6); ValueError if not so."""
    found, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4])
        field = raw[at + 4 : at + 4 + size]
        if at + 4 > len(raw) or len(field) != size:
            raise ValueError(at)
        found.append(field)
        at += 4 + size
    return found


def _no_key() -> InvalidError:
    return InvalidError(
        f"that is no public SSH key; allowed: one line KIND BASE64 COMMENT, KIND of "
        f"{', '.join(KINDS)}",
        "It is in ~/.ssh/id_ed25519.pub; nobody needs the private one.",
    )
