"""The container's host key: the same at each start, so that nobody learns to ignore a change.

It is made from the project's credential and the container's name: no volume has to keep it, and
nobody who can write to a volume can exchange it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

from logins.state import FOLDER, replace
from logins.told import Told

# RFC 8410, 7: what stands before the 32 bytes of an Ed25519 key.
_HEAD = bytes.fromhex("302e020100300506032b657004220420")
_LABEL = "PRIVATE KEY"  # RFC 7468, 10


def write(told: Told, name: str, path: Path = FOLDER / "host-key") -> None:
    """Write the key of the container of that name where sshd reads it."""
    said = f"host key of {told.project}/{name}"
    seed = hmac.new(told.credential.encode(), said.encode(), hashlib.sha256).digest()
    text = base64.b64encode(_HEAD + seed).decode()
    pem = f"-----BEGIN {_LABEL}-----\n{text[:64]}\n{text[64:]}".rstrip("\n")
    replace(path, f"{pem}\n-----END {_LABEL}-----\n", 0o600)
