"""Passwords: what is accepted, and how they are kept (Argon2id)."""

from __future__ import annotations

import secrets
import threading

from accounts.errors import InvalidError

SHORTEST, LONGEST = 12, 256
_AT_ONCE = 4  # in one process: each takes `_MEMORY`
_MEMORY = 32 << 10  # KiB


def check(password: str, name: str) -> str:
    """Return `password` if it may be the one of the account `name`; pure.

    Raises:
        InvalidError: it is too short or too long, or too easy to guess. It is not shown.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidError(
            f"a password of {len(password)} characters; allowed: {SHORTEST} to {LONGEST}"
        )
    if not password.isprintable():
        raise InvalidError("a password with control characters; allowed: what can be typed")
    if len(set(password)) < 5 or name in password.lower():
        raise InvalidError(
            "a password that is easily guessed",
            "Allowed: one of 5 different characters or more, without the account's name.",
        )
    return password


def generated() -> str:
    """Return a new password that nobody guesses."""
    return secrets.token_urlsafe(18)


class Hasher:
    """Makes and compares hashes, a few at a time, since each takes memory on purpose."""

    def __init__(self) -> None:
        from argon2 import PasswordHasher

        self._argon = PasswordHasher(time_cost=3, memory_cost=_MEMORY, parallelism=1)
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody = self._argon.hash(secrets.token_urlsafe(18))

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._turn:
            return self._argon.hash(password)

    def matches(self, kept: str | None, password: str) -> bool:
        """Return whether `kept` was made of `password`.

        Without `kept`, since there is no such account, it takes as long and is never so.
        """
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._turn:
            try:
                return self._argon.verify(kept or self._nobody, password) and bool(kept)
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, kept: str) -> bool:
        """Return whether a hash was made with weaker parameters than today's."""
        return self._argon.check_needs_rehash(kept)
