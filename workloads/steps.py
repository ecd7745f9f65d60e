"""What a deployment's file would change: steps, each for a person and for a program. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cluster.model.route import Route

_ENV = "env"


@dataclass(frozen=True)
class Step:
    """Something that would be done.

    Attributes:
        action: copy, make, change or remove; set, of a value of the file; lead, of the front door.
        what: an image's reference, a service's name, a key of the file, or an address.
        old, new: the values, or where the door leads; "" for nothing.
    """

    action: str
    what: str
    old: str = ""
    new: str = ""

    @property
    def line(self) -> str:
        """It as a person reads it."""
        values = f": {self.old or 'nothing'} -> {self.new or 'nothing'}"
        return f"{self.action}  {self.what}{values if self.old or self.new else ''}"

    @property
    def document(self) -> dict[str, str]:
        """It as a program reads it."""
        keys = {"set": "field", "lead": "url", "copy": "image"}
        said = {"action": self.action, keys.get(self.action, "service"): self.what}
        return said | ({"old": self.old, "new": self.new} if self.old or self.new else {})


def services(wanted: Iterable[str], there: Iterable[str]) -> list[Step]:
    """Return what would become of services, by their names."""
    names, present = list(wanted), sorted(there)
    made = [Step("change" if name in present else "make", name) for name in names]
    return made + [Step("remove", name) for name in present if name not in names]


def values(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the values that differ between two forms; those of variables are not told.

    (What a plan says is kept by whatever asked for it, and programs are given passwords so.)
    """
    old, new = dict(_leaves(before, ())), dict(_leaves(after, ()))
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield Step("set", ".".join(key), _shown(key, old, "old"), _shown(key, new, "new"))


def _shown(key: tuple[str, ...], leaves: Mapping[tuple[str, ...], Any], which: str) -> str:
    if key not in leaves:
        return ""
    is_variable = len(key) > 2 and key[0] == "containers" and key[2] == _ENV
    value = leaves[key]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{which} value" if is_variable else text


def _leaves(value: Any, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*key, str(name)))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for at, item in enumerate(value):
            yield from _leaves(item, (*key, str(at)))
    else:
        yield key, value


def images(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Step]:
    """Yield the images, by container, whose digests differ where their names are the same."""
    for part, new in after.items():
        old = before.get(part, "")
        if old != new and old.partition("@")[0] == new.partition("@")[0]:
            yield Step("set", f"containers.{part}.image", _digest(old), _digest(new))


def _digest(image: str) -> str:
    return image.partition("@")[2][:19]


def ways(before: Mapping[str, Route], after: Mapping[str, Route], url: Any) -> Iterator[Step]:
    """Yield the addresses at the front door that lead elsewhere than before.

    Args:
        url: returns the address of a host name's first label.
    """
    for host in sorted({*before, *after}):
        old, new = (_target(each.get(host)) for each in (before, after))
        if old != new:
            yield Step("lead", url(host), old, new)


def _target(route: Route | None) -> str:
    if route is None:
        return ""
    whom = "members" if route.login else "anybody"
    return f"port {route.port}, for {whom}"
