"""sshd's question which keys it may let in: the account service knows whose a key is."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_FILES = Path("/run/skp")
_SECONDS = 8
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ROLES = ("owner", "member", "viewer")
_KIND, _KEY = re.compile(r"[a-z0-9@.-]+"), re.compile(r"[A-Za-z0-9+/]+={0,2}")


def main() -> int:
    """Print the line of authorized_keys for the key that was offered; nothing for a stranger's."""
    fingerprint, kind, key = sys.argv[1:4]
    try:
        found = _asked(fingerprint)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"the account service can't be asked: {error}\n")
        return 1
    if found:
        sys.stdout.write(line(found, kind, key))
    return 0


def line(found: dict[str, Any], kind: str, key: str) -> str:
    """Return the line: who it is, and what he is where; "" for an answer that is none of one.

    Args:
        found: the account with its projects. kind, key: as sshd names them.
    """
    roles = {str(each["name"]): str(each["role"]) for each in found["projects"]}
    names = [str(found["name"]), *roles]
    if not all(_NAME.fullmatch(name) for name in names) or not set(roles.values()) <= set(_ROLES):
        return ""
    if not (_KIND.fullmatch(kind) and _KEY.fullmatch(key)):
        return ""
    said = ",".join(f"{name}:{role}" for name, role in sorted(roles.items()))
    return f'restrict,command="/opt/skp/bin/git-serve {names[0]} {said}" {kind} {key}\n'


def _asked(fingerprint: str) -> dict[str, Any] | None:
    url = (_FILES / "accounts-url").read_text().strip()
    asked = urllib.request.Request(  # noqa: S310 - the address is the platform's
        f"{url}/ssh/by-key?{urllib.parse.urlencode({'fingerprint': fingerprint})}",
        headers={"X-Skp-Service": (_FILES / "accounts-secret").read_text().strip()},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=_SECONDS) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return found if isinstance(found, dict) else None
