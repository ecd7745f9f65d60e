"""Which containers a name means: the one called so, and ours that share it (decision 3). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cluster.errors import SkpError, nearest
from cluster.model.state import FoundContainer

# The engine's containers by node and name.
Found = Mapping[str, Mapping[str, FoundContainer]]


def members(containers: Iterable[FoundContainer], node: str, name: str) -> list[FoundContainer]:
    """Return those of a node's `containers` that `name` means, the one called exactly so first.

    Ours belong to a family by their network alias, by a number or their node's name after its
    name, or as their service: kafka-skp means kafka-skp-2, but web does not mean web-admin. A
    stranger's container is meant by its exact name only. What an interrupted command left half
    made is not meant.
    """
    meant = [c for c in containers if c.name == name or (c.service and _of(c, node, name))]
    return sorted(meant, key=lambda container: container.name != name)


def _of(container: FoundContainer, node: str, family: str) -> bool:
    start, _, rest = container.name.rpartition("-")
    if container.name.endswith(".new"):
        return False
    numbered = start == family and (rest.isdigit() or rest == node)
    return numbered or family in (container.service, *_aliases(container))


def _aliases(container: FoundContainer) -> tuple[str, ...]:
    return tuple(container.fields.get("aliases") or ())


def among(found: Found, name: str) -> list[tuple[str, FoundContainer]]:
    """Return each container that `name` means with its node, in the order of `found`.

    Raises:
        SkpError: there is none anywhere; says what there is.
    """
    meant = [(n, c) for n, listed in found.items() for c in members(listed.values(), n, name)]
    if meant:
        return meant
    every = [c for listed in found.values() for c in listed.values()]
    ours = [container for container in every if container.service]
    names = {c.name for c in every} | {alias for c in ours for alias in _aliases(c)}
    raise SkpError(
        f"no container {name} on {', '.join(found) or 'any node'}{nearest(name, sorted(names))}",
        f"There are: {', '.join(sorted(names)) or 'none'}",
    )
