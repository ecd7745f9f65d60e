"""Logins of image registries, from the file that `docker login` writes."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cluster.config import file_mode
from cluster.config.secrets import Secret
from cluster.errors import ConfigError

NOTHING = Secret("")
"""No login."""
_EXAMPLE = "It is of the form that docker login writes: ~/.docker/config.json, say."
# How Docker calls its own registry in that file.
_DOCKER = "https://index.docker.io/v1/"


def login(path: Path, repository: str) -> Secret:
    """Return the login for a repository, as skopeo reads it (containers-auth.json).

    Only that one: what is sent to a registry's host is nothing of the others'.

    Args:
        path: a file of "auths", which only its owner may read.
        repository: "HOST/PATH", without a tag.

    Raises:
        ConfigError: the file can't be read, is open to others, or has no login for the host.
    """
    auths = _auths(path)
    host = repository.partition("/")[0]
    for key in _keys(repository):
        for written in (key, f"https://{key}", f"https://{key}/v1/", f"https://{key}/v2/"):
            if written in auths:
                return _only(path, host, key, auths[written])
    if host == "docker.io" and _DOCKER in auths:
        return _only(path, host, host, auths[_DOCKER])
    there = ", ".join(sorted(auths)) or "none"
    raise ConfigError(f"{path}: it has no login for {host}; it has: {there}", _EXAMPLE)


def _keys(repository: str) -> Iterator[str]:
    """Yield what a login may be for, the narrowest first."""
    while repository:
        yield repository
        repository = repository.rpartition("/")[0]


def _only(path: Path, host: str, key: str, entry: Any) -> Secret:
    auth = entry.get("auth") if isinstance(entry, Mapping) else None
    try:
        words = base64.b64decode(str(auth or ""), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        words = (b"", b"", b"")
    if not words[0] or not words[2]:
        what = f"{path}: the login for {host} is not in the file: a helper keeps it, or it is none"
        raise ConfigError(
            what, 'Write it as {"auths": {"HOST": {"auth": "..."}}}: base64 of NAME:PASSWORD.'
        )
    return Secret(json.dumps({"auths": {key: {"auth": auth}}}))


def _auths(path: Path) -> Mapping[str, Any]:
    try:
        open_to = file_mode.others(path.stat())
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise ConfigError(f"{path}: {why}", _EXAMPLE) from None
    if open_to:
        raise ConfigError(f"{path}: others may read it", f"chmod 600 {path}")
    try:
        auths = json.loads(text)["auths"]
        if not isinstance(auths, dict):
            raise TypeError(auths)
    except (ValueError, TypeError, LookupError, RecursionError):
        raise ConfigError(f'{path}: no JSON with "auths"', _EXAMPLE) from None
    return auths
