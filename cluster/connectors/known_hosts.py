"""The files of known host keys, read as OpenSSH reads them (sshd(8), SSH_KNOWN_HOSTS). Pure.

A line that can't be read, or has a key of a kind that is not known here, says nothing: it is passed
over, as OpenSSH does. paramiko's own reader gives up at such lines, and knows no patterns.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from hashlib import sha1

import paramiko
from paramiko.pkey import UnknownKeyType

_AUTHORITY, _REVOKED = "@cert-authority", "@revoked"
_HASHED = "|1|"


@dataclass(frozen=True)
class Known:
    """What the files say of one host.

    Attributes:
        keys: those it may show. revoked: keys that nobody may show.
        signed: whether its keys may be signed by an authority instead, which SKP can't verify.
    """

    keys: tuple[paramiko.PKey, ...] = ()
    revoked: tuple[paramiko.PKey, ...] = ()
    signed: bool = False


@dataclass(frozen=True)
class _Line:
    marker: str
    names: str
    key: paramiko.PKey = field(repr=False)

    def is_of(self, name: str) -> bool:
        """Whether the line is about the host `name`: one pattern matches, and none forbids it."""
        if self.names.startswith(_HASHED):
            return _is_hash_of(self.names, name)
        found = False
        for pattern in self.names.lower().split(","):
            if re.match(_regular(pattern.removeprefix("!")), name.lower()):
                if pattern.startswith("!"):
                    return False
                found = True
        return found


def known(texts: Iterable[bytes], names: Iterable[str]) -> Known:
    """Return what known_hosts files, given by their content, say of a host.

    Args:
        names: under which it is looked up; the next only where a name is not known at all.
    """
    lines = [line for text in texts for line in _lines(text)]
    revoked = tuple(line.key for line in lines if line.marker == _REVOKED)
    signed = False
    for name in names:
        about = [line for line in lines if line.is_of(name)]
        if keys := tuple(line.key for line in about if not line.marker):
            return Known(keys, revoked)
        signed = signed or any(line.marker == _AUTHORITY for line in about)
    return Known((), revoked, signed)


def _lines(text: bytes) -> Iterator[_Line]:
    for raw in text.decode(errors="replace").split("\n"):
        words = raw.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", _AUTHORITY, _REVOKED):
            continue
        names, kind, key, *_ = words
        try:
            data = base64.b64decode(key, validate=True)
            yield _Line(marker, names, paramiko.PKey.from_type_string(kind, data))
        except (UnknownKeyType, paramiko.SSHException, ValueError, TypeError, IndexError):
            continue


def _regular(pattern: str) -> str:
    """Return the regular expression of a pattern, in which only * and ? are special."""
    return translate(pattern.replace("[", "[[]"))


def _is_hash_of(hashed: str, name: str) -> bool:
    _, _, salt, digest, *_ = (hashed + "||").split("|")
    try:
        made = hmac.digest(base64.b64decode(salt), name.encode(), sha1)
        return hmac.compare_digest(made, base64.b64decode(digest))
    except binascii.Error:
        return False
