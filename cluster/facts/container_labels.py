"""What labels say of a container. Anybody on its node may have written them: nonsense is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cluster.model.state import LABEL_SERVICE


def described(text: str) -> dict[str, Any]:
    """Return a description of the form that ours have, from a label; without what is of another."""
    found = _json(text)
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if _SHAPES.get(key, _any)(value)}


def words(labels: Mapping[str, str], label: str) -> tuple[str, ...]:
    """Return the words in a label of a container of ours; () for none, or for nonsense."""
    found = _json(labels.get(label, "[]")) if LABEL_SERVICE in labels else []
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return tuple(found)
    return ()


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _any(_: object) -> bool:
    return True


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) for word in pair)
        for pair in value
    )


def _is_files(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(file, dict)
        and isinstance(file.get("name"), str)
        and isinstance(file.get("content"), str)
        for file in value
    )


def _is_image(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str | None) for v in value.values())


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


# What is looked into when a container is compared.
_SHAPES: Mapping[str, Callable[[object], bool]] = {
    "environment": _is_pairs,
    "files": _is_files,
    "image": _is_image,
    "mounts": _is_objects,
    "memory": lambda value: isinstance(value, int),
}
