"""Which containers a selector such as kafka-skp means (decision 3). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cluster.errors import SkpError, nearest
from cluster.model.state import HALF_MADE, FoundContainer

# The engine's containers by node and name.
Found = Mapping[str, Mapping[str, FoundContainer]]


def members(containers: Iterable[FoundContainer], node: str, name: str) -> list[FoundContainer]:
    """Return those of a node's `containers` that `name` selects, one of exactly that name first.

    A container of ours is selected by its name, its service, a network alias of it, or its name
    without the number or node at the end: kafka-skp selects kafka-skp-2, but web does not select
    web-admin. A container that is not ours is selected by its exact name only. One that an
    interrupted command left under its temporary name is not selected.
    """
    found = [c for c in containers if c.name == name or (c.service and _selected(c, node, name))]
    return sorted(found, key=lambda container: container.name != name)


def _selected(container: FoundContainer, node: str, selector: str) -> bool:
    start, _, rest = container.name.rpartition("-")
    if container.name.endswith(HALF_MADE):
        return False
    numbered = start == selector and (rest.isdigit() or rest == node)
    return numbered or selector in (container.service, *_aliases(container))


def _aliases(container: FoundContainer) -> tuple[str, ...]:
    return tuple(container.fields.get("aliases") or ())


def among(found: Found, name: str) -> list[tuple[str, FoundContainer]]:
    """Return each container that `name` selects, with its node, in the order of `found`.

    Raises:
        SkpError: no node has one; the text names those that there are.
    """
    selected = [(n, c) for n, listed in found.items() for c in members(listed.values(), n, name)]
    if selected:
        return selected
    every = [c for listed in found.values() for c in listed.values()]
    ours = [container for container in every if container.service]
    names = {c.name for c in every} | {alias for c in ours for alias in _aliases(c)}
    raise SkpError(
        f"no container {name} on {', '.join(found) or 'any node'}{nearest(name, sorted(names))}",
        f"There are: {', '.join(sorted(names)) or 'none'}",
    )
