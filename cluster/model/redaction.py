"""Hiding known secrets in text that others wrote: logs, output of commands in containers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from cluster.config.secrets import Secret, StoredSecrets

if TYPE_CHECKING:
    from cluster.model.cluster import Cluster
    from cluster.model.state import State

STARS = b"***"
# Shorter lines of a secret, such as a brace, are not hidden: ordinary text has them too.
_LEAST_LINE = 8


class Mask:
    """Replaces known secrets by three stars.

    A secret is found as it is, as JSON and URLs spell it, and by each of its lines.

    Attributes:
        overlap: bytes; so much of a secret may stand at the end of a piece of text, unrecognized.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets = tuple(secrets)
        spelt = {form for secret in self._secrets for form in _spellings(secret.reveal())}
        words = sorted((form.encode() for form in spelt), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, words))) if words else None
        self.overlap = len(words[0]) - 1 if words else 0

    def hide(self, text: bytes) -> bytes:
        """Return `text` without the secrets."""
        return self._pattern.sub(STARS, text) if self._pattern else text

    def and_also(self, secrets: Iterable[Secret]) -> Mask:
        """Return a mask that hides `secrets` too."""
        return Mask((*self._secrets, *secrets))


def known(cluster: Cluster, state: State) -> Mask:
    """Return a mask of all secrets that this machine or a manager has."""
    stored = [node.secrets for node in state.nodes.values()]
    kept = [s for each in stored if isinstance(each, StoredSecrets) for s in each.values.values()]
    return Mask([*cluster.secrets.values(), *kept])


def _spellings(value: str) -> set[str]:
    lines = value.splitlines()
    parts = {value, *(line for line in lines if len(lines) > 1 and len(line) >= _LEAST_LINE)}
    forms = set()
    for part in parts:
        forms |= {part, quote(part, safe=""), quote(part), quote_plus(part)}
        forms |= {json.dumps(part, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return forms - {""}
