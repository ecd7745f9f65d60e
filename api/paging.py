"""Pages of lists: a token says where the next one begins, in a list of its own alone. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from api.problems import wrong

_Item = TypeVar("_Item")
_DIGITS = 8  # bytes of the hash


def page(
    items: Sequence[_Item],
    key: Callable[[_Item], str],
    which: str,
    size: int,
    token: str,
) -> tuple[list[_Item], str]:
    """Return a page, and the token of the next one; "" on the last.

    Args:
        items: all, in their order. key: tells one from the others, and its place in the order.
        which: the list that they are of: a token of another one is refused.
        size: how many are on a page. token: "" for the first page.

    Raises:
        ProblemError: the token is none of this list.
    """
    keys = [key(each) for each in items]
    begin = _begin(keys, _after(token, which)) if token else 0
    chosen = list(items[begin : begin + size])
    is_last = begin + size >= len(items)
    return chosen, "" if is_last else _token(keys[begin + size - 1], which)


def _begin(keys: Sequence[str], after: str) -> int:
    """Return the index of what comes after a key, which may be gone by now."""
    if after in keys:
        return keys.index(after) + 1
    is_rising = list(keys) == sorted(keys)
    before = [each for each in keys if (each < after) == is_rising]
    return len(before)


def _token(after: str, which: str) -> str:
    return base64.urlsafe_b64encode(_hash(after, which) + after.encode()).decode().rstrip("=")


def _after(token: str, which: str) -> str:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), "-_", validate=True)
        after = raw[_DIGITS:].decode()
    except (binascii.Error, ValueError):
        raise _refused() from None
    if raw[:_DIGITS] != _hash(after, which):
        raise _refused()
    return after


def _hash(after: str, which: str) -> bytes:
    return hashlib.sha256(f"{which}\0{after}".encode()).digest()[:_DIGITS]


def _refused() -> Exception:
    return wrong("page_token is none of this list", hint="Begin without one.")
