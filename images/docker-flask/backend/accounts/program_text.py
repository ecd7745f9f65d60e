"""A token for programs as text: how it is made, its form, and for how long it may count. Pure."""

from __future__ import annotations

import re
import secrets

from accounts.errors import InvalidError

USUAL_DAYS = 90
_MOST_DAYS = 365
_DAY = 86400  # seconds
_PREFIX = "skp_"  # so that programs, and those that look for leaks, know one when they see it
_FORM = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)
_DAYS = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


def made() -> str:
    """Return a new token, of 256 random bits."""
    return f"{_PREFIX}{secrets.token_urlsafe(32)}"


def is_formed(text: str) -> bool:
    """Return whether a text is of the form of a token, so that there can be one."""
    return bool(_FORM.fullmatch(text))


def seconds(days: str) -> int:
    """Return the seconds of a whole number of days; raises InvalidError if no token lasts so."""
    if not _DAYS.fullmatch(days) or int(days) > _MOST_DAYS:
        raise InvalidError(f"a token counts for 1 to {_MOST_DAYS} days", f"Usual: {USUAL_DAYS}.")
    return int(days) * _DAY
