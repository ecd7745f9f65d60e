"""Ids that sort by the time at which they were made, as ULIDs do. Pure."""

from __future__ import annotations

import secrets

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, whose order is that of values
_OF_TIME = 10  # letters: enough for milliseconds until the year 37000


def made(prefix: str, milliseconds: int, random: int) -> str:
    """Return an id.

    Args:
        milliseconds: since 1970. random: how many letters of chance come after those of time.
    """
    letters = ""
    for _ in range(_OF_TIME):
        milliseconds, letter = divmod(milliseconds, len(_LETTERS))
        letters = _LETTERS[letter] + letters
    return prefix + letters + "".join(secrets.choice(_LETTERS) for _ in range(random))


def milliseconds_of(ident: str, prefix: str) -> int:
    """Return when an id was made, in milliseconds since 1970."""
    value = 0
    for letter in ident.removeprefix(prefix)[:_OF_TIME]:
        value = value * len(_LETTERS) + _LETTERS.index(letter)
    return value
