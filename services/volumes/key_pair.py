"""The key pair for SSHFS's server, made from a stored secret: always the same. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from functools import cache

from cluster.config.secrets import Secret

_KIND = b"ssh-ed25519"
_LINE = 70  # characters
_BLOCK = 8  # bytes, without a cipher


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key pair.

    Attributes:
        private: the file as ssh-keygen writes it, without a passphrase.
        public: type and key, as in authorized_keys (sshd(8)).
    """

    private: Secret
    public: str

    @property
    def fingerprint(self) -> str:
        """The public key's fingerprint."""
        return fingerprint(self.public.split()[1])


def fingerprint(public: str) -> str:
    """Return the fingerprint of a public key, as ssh-keygen shows it; "" for what is not base64."""
    try:
        digest = hashlib.sha256(base64.b64decode(public, validate=True)).digest()
    except binascii.Error:
        return ""
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


@cache
def key_pair(secret: Secret) -> KeyPair:
    """Return the key pair that is made from `secret`, a text that nobody can guess.

    The same text gives the same file, which OpenSSH's own tools do not do: containers are compared
    by what their files hold.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = hashlib.sha256(b"skp sshfs ed25519\0" + secret.reveal().encode()).digest()
    raw = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    public = _field(_KIND) + _field(raw)
    return KeyPair(
        Secret(_file(seed, raw, public)), f"{_KIND.decode()} {base64.b64encode(public).decode()}"
    )


def _file(seed: bytes, raw: bytes, public: bytes) -> str:
    """Return the private key as OpenSSH's PROTOCOL.key has it."""
    check = hashlib.sha256(raw).digest()[:4] * 2
    private = check + public + _field(seed + raw) + _field(b"skp")
    private += bytes(range(1, 1 + -len(private) % _BLOCK))
    blob = b"openssh-key-v1\0" + _field(b"none") * 2 + _field(b"") + struct.pack(">I", 1)
    text = base64.b64encode(blob + _field(public) + _field(private)).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    name = "OPENSSH PRIVATE KEY"
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----", ""])


def _field(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
