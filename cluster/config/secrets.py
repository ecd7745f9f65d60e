"""Passwords and tokens: from bin/env.sh if set there, else generated and stored on every manager.

The managers' copies are authoritative (decision 35). etc/secrets.env is a copy for the person at
this machine; a new cluster takes its secrets from it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cluster.config.settings import Settings

# The key of the hashes in container labels; without it, passwords could be guessed from labels.
SPEC_KEY = "SKP_SPEC_KEY"
# How often the stored secrets have changed: a manager with a lower number has missed a change.
GENERATION = "SKP_GENERATION"
HEADER = "# Generated passwords of SKP. Keep this file; to set one yourself, use bin/env.sh.\n"


class Secret:
    """A text that does not show itself: not in a repr, a log, or an exception."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the one place that has to have it."""
        return self._value

    def fingerprint(self, key: Secret) -> str:
        """Return a keyed hash (HMAC-SHA256, 32 hex digits) that tells values apart."""
        digest = hmac.new(key.reveal().encode(), self._value.encode(), hashlib.sha256)
        return digest.hexdigest()[:32]

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class StoredSecrets:
    """Generated secrets as they are stored in one place.

    Attributes:
        values: by their settings' keys.
        generation: how often they have changed; 0 for a place that has none.
    """

    values: Mapping[str, Secret] = field(default_factory=dict)
    generation: int = 0

    @property
    def mark(self) -> str:
        """A keyed hash that is the same for the same secrets only; "" without SPEC_KEY."""
        key = self.values.get(SPEC_KEY)
        return Secret(self.dumps()).fingerprint(key) if key else ""

    def dumps(self) -> str:
        """Return the secrets as the text of a file, for `parse`."""
        pairs = {key: secret.reveal() for key, secret in self.values.items()}
        pairs[GENERATION] = str(self.generation)
        lines = (f"{key}={shlex.quote(value)}\n" for key, value in sorted(pairs.items()))
        return HEADER + "".join(lines)


@dataclass(frozen=True)
class Resolved:
    """All secrets in force, and those to be stored.

    Attributes:
        values: all secrets by their settings' keys.
        stored: the generated ones, as every manager is to store them.
        generated: the keys of those that are new, since neither file nor cluster had them.
        overruled: the keys for which this machine's copy has another value than the cluster.
    """

    values: Mapping[str, Secret]
    stored: StoredSecrets
    generated: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()


def parse(text: str) -> StoredSecrets:
    """Return the secrets in the text of a file.

    Raises:
        ValueError: a line is not of the form KEY='value'; its argument is the line's number.
    """
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            (assignment,) = shlex.split(line)
            key, value = assignment.split("=", 1)
        except ValueError:
            raise ValueError(number) from None
        pairs[key] = value
    generation = pairs.pop(GENERATION, "1")
    return StoredSecrets(
        {key: Secret(value) for key, value in pairs.items()},
        int(generation) if generation.isdigit() else 1,
    )


def resolve(settings: Settings, local: StoredSecrets, copies: Iterable[StoredSecrets]) -> Resolved:
    """Return all secrets; missing ones are generated here, and stored by the caller.

    Args:
        local: the secrets in etc/secrets.env.
        copies: the managers' copies; the one of the highest generation counts.
    """
    newest = max(copies, key=lambda copy: copy.generation, default=StoredSecrets())
    known = {**local.values, **newest.values}
    given = {key: settings.password(key) for key in settings.password_keys}
    made = (key for key in given if key not in settings.given_only)
    wanted = [key for key in (SPEC_KEY, *made) if not given.get(key)]
    generated = tuple(key for key in wanted if not known.get(key, Secret("")).reveal())
    known |= {key: Secret(secrets.token_urlsafe(24)) for key in generated}
    changed = newest.generation == 0 or known != newest.values
    generation = max(newest.generation, local.generation if not newest.generation else 0)
    kept = StoredSecrets(known, max(1, generation + (changed and newest.generation > 0)))
    return Resolved(
        {
            key: Secret(given[key]) if given.get(key) else known.get(key, Secret(""))
            for key in (SPEC_KEY, *given)
        },
        kept,
        generated,
        tuple(key for key in wanted if key in local.values and local.values[key] != known[key]),
    )
