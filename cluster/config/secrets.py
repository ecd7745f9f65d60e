"""Passwords and tokens: from bin/env.sh if set there, else generated and stored on every manager.

The managers' copies are authoritative (decision 35). etc/secrets.env is a copy for the person at
this machine; a new cluster takes its secrets from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from cluster.config.settings import Settings
from cluster.errors import ConfigError

# The key of the hashes in container labels; without it, passwords could be guessed from labels.
SPEC_KEY = "SKP_SPEC_KEY"
# How often the stored secrets have changed: a manager with a lower number has missed a change.
GENERATION = "SKP_GENERATION"
_KEY = re.compile("[A-Z][A-Z0-9_]*")
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

    def only(self, keys: Collection[str]) -> StoredSecrets:
        """Return these secrets without those of other keys."""
        return replace(self, values={k: v for k, v in self.values.items() if k in keys})

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
        local: the generated ones, as this machine is to keep them.
        stored: the same, as every manager is to store them.
        generated: the keys of those that are new, since neither file nor cluster had them.
        is_restored: whether this machine had no copy, and gets it from the cluster.
        overruled: the keys for which this machine's copy has another value than the cluster.
    """

    values: Mapping[str, Secret]
    local: StoredSecrets
    stored: StoredSecrets
    generated: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()
    is_restored: bool = False


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


def resolve(
    settings: Settings,
    local: StoredSecrets,
    copies: Mapping[str, StoredSecrets],
    renewed: Collection[str] = (),
    chosen: Mapping[str, Secret] = MappingProxyType({}),
) -> Resolved:
    """Return all secrets; missing ones are generated here, and stored by the caller.

    A key that no setting here has is left to the managers, whom a newer SKP may have given it; it
    never comes to this machine, where a shell might read the file.

    Args:
        local: the secrets in etc/secrets.env.
        copies: the managers' copies by node; the one of the highest generation counts.
        renewed: the keys of those that are to be generated anew.
        chosen: those that a command stores, by key, in place of what was stored.

    Raises:
        ConfigError: that copy is further ahead of `local` than one change, with other values.
    """
    given = {key: settings.password(key) for key in settings.password_keys}
    made = (key for key in given if key not in settings.given_only)
    wanted = [key for key in (SPEC_KEY, *made) if not given.get(key)]
    allowed = {SPEC_KEY, *given}
    local = local.only(allowed)
    where = max(copies, key=lambda name: copies[name].generation, default="")
    theirs = copies.get(where, StoredSecrets())
    newest = theirs.only(allowed)
    _check_jump(local, where, newest)
    known = {k: v for k, v in {**local.values, **newest.values}.items() if k not in renewed}
    known |= chosen
    generated = tuple(key for key in wanted if not known.get(key, Secret("")).reveal())
    known |= {key: Secret(secrets.token_urlsafe(24)) for key in generated}
    changed = newest.generation == 0 or known != newest.values
    generation = max(newest.generation, local.generation if not newest.generation else 0)
    generation = max(1, generation + (changed and newest.generation > 0))
    foreign = {k: v for k, v in theirs.values.items() if k not in allowed and _KEY.fullmatch(k)}
    return Resolved(
        {
            key: Secret(given[key]) if given.get(key) else known.get(key, Secret(""))
            for key in (SPEC_KEY, *given)
        },
        StoredSecrets(known, generation),
        StoredSecrets({**foreign, **known}, generation),
        generated,
        tuple(
            key
            for key in wanted
            if key not in renewed and key in local.values and local.values[key] != known[key]
        ),
        is_restored=newest.generation > 0 and local.generation == 0,
    )


def _check_jump(local: StoredSecrets, where: str, newest: StoredSecrets) -> None:
    """Refuse other values from a copy that claims to have changed more than once since `local`."""
    if not 0 < local.generation < newest.generation - 1:
        return
    other = [k for k, v in newest.values.items() if local.values.get(k, v) != v]
    if not other:
        return
    raise ConfigError(
        f"{where}: its stored secrets claim {newest.generation - local.generation} changes since "
        f"this machine's copy was written, and {', '.join(sorted(other))} differ: not taken",
        "If others have changed secrets meanwhile, take the cluster's: move etc/secrets.env away "
        f"and try again. If nobody has, somebody is root on {where} who should not be.",
    )
