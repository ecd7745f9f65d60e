"""What an engine's answer has at a place, or an error that says what is wrong there.

A node may be anybody's by now: what it says is of its form only once that was looked at. An answer
that is none ends in an error of its node, before the plan for all nodes trips over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from cluster.connectors.bounded import StrangeError
from cluster.model.state import moment

T = TypeVar("T")


def text(answer: object, *path: str) -> str:
    """Return the text at `path`, a key within a key.

    Raises:
        StrangeError: there is none.
    """
    return _typed(str, answer, path)


def text_or(default: str, answer: object, *path: str) -> str:
    """Return the text at `path`; `default` if nothing is there. Raises StrangeError."""
    return default if _is_absent(answer, path) else text(answer, *path)


def number_or(default: int, answer: object, *path: str) -> int:
    """Return the whole number at `path`; `default` if nothing is there. Raises StrangeError."""
    if _is_absent(answer, path):
        return default
    found = _typed(int, answer, path)
    if isinstance(found, bool):
        raise _strange(path, found)
    return found


def flag(answer: object, *path: str) -> bool:
    """Return whether `path` says true; not if nothing is there. Raises StrangeError."""
    return not _is_absent(answer, path) and _typed(bool, answer, path)


def parts(answer: object, *path: str) -> list[object]:
    """Return the list at `path`; none for nothing there. Raises StrangeError."""
    return [] if _is_absent(answer, path) else _typed(list, answer, path)


def texts(answer: object, *path: str) -> list[str]:
    """Return the texts in the list at `path`; none for nothing there. Raises StrangeError."""
    return [_typed(str, found, ()) for found in parts(answer, *path)]


def keys(answer: object, *path: str) -> frozenset[str]:
    """Return the keys at `path`; none for nothing there. Raises StrangeError."""
    return frozenset() if _is_absent(answer, path) else frozenset(_typed(dict, answer, path))


def labels(answer: object, *path: str) -> dict[str, str]:
    """Return the texts by key at `path`; none for nothing there. Raises StrangeError."""
    return {key: text(answer, *path, key) for key in keys(answer, *path)}


def seconds(answer: object, *path: str) -> float:
    """Return the time at `path` as seconds since the epoch. Raises StrangeError."""
    try:
        return moment(text(answer, *path))
    except (ValueError, OverflowError) as error:
        raise StrangeError(f"{_name(path)}: {error}") from None


def _typed(kind: type[T], answer: object, path: tuple[str, ...]) -> T:
    found = _at(answer, path)
    if not isinstance(found, kind):
        raise _strange(path, found)
    return found


def _is_absent(answer: object, path: tuple[str, ...]) -> bool:
    """Whether nothing is at `path`, or null, which is what Go says of an empty list or map."""
    return _at(answer, path) is None


def _at(answer: object, path: tuple[str, ...]) -> object:
    found = answer
    for number, key in enumerate(path):
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise _strange(path[:number], found)
        found = found.get(key)
    return found


def _strange(path: tuple[str, ...], found: object) -> StrangeError:
    return StrangeError(f"{_name(path)}: {found!r:.60}")


def _name(path: tuple[str, ...]) -> str:
    return ".".join(path) or "it"
