"""What differs between a container that is there and the one that is wanted, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster.model.item import Difference


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield what differs between two descriptions of a container (`Container.described`)."""
    different = [k for k in {**wanted, **found} if wanted.get(k) != found.get(k)]
    for name in different:
        yield from _unfold(name, wanted.get(name), found.get(name))
    if not different:
        yield Difference("spec", "this cluster's key", "another key")


def _unfold(name: str, wanted: Any, found: Any) -> Iterator[Difference]:
    """Yield a difference for each entry that differs, instead of one for a whole list."""
    if name == "environment":
        new, old = dict(wanted or []), dict(found or [])
        for key in {**new, **old}:
            if new.get(key) != old.get(key):
                yield Difference(f"environment {key}", new.get(key), old.get(key))
    elif name == "files":
        new = {item["name"]: item["content"] for item in wanted or []}
        old = {item["name"]: item["content"] for item in found or []}
        for key in {**new, **old}:
            if new.get(key) != old.get(key):
                yield Difference(f"file {key}", "new content", "old content")
    elif name == "memory":
        yield Difference(name, _bytes(wanted), _bytes(found))
    elif name == "image":
        yield Difference("image", _image(wanted), _image(found))
    else:
        yield Difference(name, wanted, found)


def _bytes(number: int | None) -> str:
    for unit, size in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if number and number % size == 0:
            return f"{number // size}{unit}"
    return str(number or "")


def _image(described: Mapping[str, Any] | None) -> str:
    described = described or {}
    identity = (described.get("id") or "").removeprefix("sha256:")[:12]
    return f"{str(described.get('name', '')).rsplit('/', 1)[-1]}@{identity or '?'}"
