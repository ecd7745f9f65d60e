"""Removing images of ours that nothing needs any more, on every node."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cluster.commands.change import Change
from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet
from cluster.facts.images import OURS, Store, Stored, read
from cluster.facts.registry import Registry
from cluster.model.step import Action, Difference, Kind, Step
from cluster.operations.image_removal import size


def look(inventory: Inventory, fleet: Fleet, nodes: Collection[str]) -> Change:
    """Return the change that prunes the images of `nodes`.

    Raises:
        NodeError: the master's registry, which says what is still current, can't be asked.
    """
    found = fleet.each(read, nodes)
    errors = {n: e for n, e in {**fleet.unreachable, **found.errors}.items() if n in nodes}
    master = inventory.master.name
    if master in fleet.unreachable:
        raise fleet.unreachable[master]
    current = _current(Registry(fleet.nodes[master]), found.values)
    steps = [_step(node, removable(store, current)) for node, store in found.values.items()]
    return Change(tuple(steps), errors)


def with_build_cache(change: Change, inventory: Inventory) -> Change:
    """Return `change` with the master's build cache pruned too."""
    name = inventory.master.name
    if name in change.unreachable:
        return change
    cache = Step(Kind.IMAGE, Action.PRUNE_CACHE, name, "build cache")
    return replace(change, steps=(*change.steps, cache))


def removable(store: Store, current: Collection[str]) -> list[Stored]:
    """Return the images of an engine that are ours and that nothing needs; pure.

    Those are in no container's use, have no name but that of our registry, and no tag of the
    registry means them any more. What was never in the registry goes only without a name: it may
    be about to be pushed.

    Args:
        current: what the registry's tags mean, as localhost:5000/NAME@sha256:...
    """
    return [
        image
        for image in store.images
        if image.ours
        and not store.uses(image)
        and not any(digest in current for digest in image.digests)
        and all(tag.startswith(OURS) for tag in image.tags)
        and (image.pushed or not image.tags)
    ]


def _current(registry: Registry, stores: Mapping[str, Store]) -> frozenset[str]:
    names = {
        digest.removeprefix(OURS).partition("@")[0]
        for store in stores.values()
        for image in store.images
        for digest in image.digests
        if digest.startswith(OURS)
    }
    return frozenset(
        f"{OURS}{name}@{digest}"
        for name, tags in registry.digests(names).items()
        for digest in tags.values()
    )


def _step(node: str, images: list[Stored]) -> Step:
    return Step(
        Kind.IMAGE,
        Action.PRUNE if images else Action.KEEP,
        node,
        "images",
        differences=tuple(Difference(i.label, None, size(i.size)) for i in images),
        images=tuple(image.id for image in images),
    )
