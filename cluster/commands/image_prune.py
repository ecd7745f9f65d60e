"""Removing images of ours that nothing needs any more, on every node."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cluster.commands.change import Change
from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet
from cluster.facts import record
from cluster.facts.images import OURS, Store, Stored, read
from cluster.facts.registry import Registry
from cluster.model.digests import Record
from cluster.model.item import Difference, Item, Keep, Kind
from cluster.model.units import size
from cluster.operations.image_removal import PruneBuildCache, PruneImages


def plan_image_prune(inventory: Inventory, fleet: Fleet, nodes: Collection[str]) -> Change:
    """Return the change that prunes the images of `nodes`.

    Raises:
        NodeError: the master's registry, or the record, which say what is still current, can't be
            asked.
    """
    found = fleet.ask(read, nodes)
    current = _current(Registry(fleet.node(inventory.master.name)), found.values)
    current |= _on_record(record.known(inventory, fleet))
    items = [_item(node, removable(store, current)) for node, store in found.values.items()]
    return Change(tuple(items), found.errors)


def with_build_cache(change: Change, inventory: Inventory) -> Change:
    """Return `change` with the master's build cache pruned too."""
    name = inventory.master.name
    if name in change.unreachable:
        return change
    return replace(change, items=(*change.items, PruneBuildCache(name)))


def removable(store: Store, current: Collection[str]) -> list[Stored]:
    """Return the images of an engine that are ours and that nothing needs; pure.

    No container uses such an image, it has no name outside of our registry, and neither the record
    nor a tag of the registry leads to it. An image that was never in the registry is removable
    only without a name: with one, it may be about to be pushed.

    Args:
        current: the images that these lead to, as localhost:5000/NAME@sha256:...
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


def _on_record(known: Record) -> frozenset[str]:
    return frozenset(
        f"{OURS}{name.rpartition(':')[0]}@{digests[0]}" for name, digests in known.items()
    )


def _item(node: str, images: list[Stored]) -> Item:
    if not images:
        return Keep(Kind.IMAGE, node, "images")
    differences = tuple(Difference(i.label, None, size(i.size)) for i in images)
    return PruneImages(node, tuple(image.id for image in images), differences)
