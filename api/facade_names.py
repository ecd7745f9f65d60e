"""Which services TANGO's manager may speak of, and what their deployments are called. Pure."""

from __future__ import annotations

import base64
import hashlib
import re

_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_READABLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PREFIX = "tango-"
_LONGEST = 40  # characters of a deployment's name (etc/deployment.schema.json)
_KEPT, _HASHED = 6, 26  # characters of the user's name, and of a hash: 128 bits of it


def is_word(text: str) -> bool:
    """Whether a user or a project of the manager may be called so: it becomes a folder's name."""
    return bool(_WORD.fullmatch(text)) and text not in (".", "..")


def deployment(user: str, project: str) -> str:
    """Return the name of the deployment of a user's project; no two have the same.

    Where it can be read, "--" parts the two: neither has it, nor begins or ends with "-".
    Elsewhere a hash of both stands for them, in a name without "--".
    """
    if all(map(_READABLE.fullmatch, (user, project))):
        name = f"{_PREFIX}{user}--{project}"
        if len(name) <= _LONGEST:
            return name
    digest = hashlib.sha256(f"{user}\0{project}".encode()).digest()
    hashed = base64.b32encode(digest).decode().lower()[:_HASHED]
    kept = re.sub("[^a-z0-9]", "", user.lower())[:_KEPT]
    return f"{_PREFIX}{f'{kept}-' if kept else ''}{hashed}"
