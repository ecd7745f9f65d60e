"""Removing an image: its tag in the registry, and its name in the nodes' engines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from cluster.commands.change import Change
from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet
from cluster.errors import ConfigError, SkpError, nearest
from cluster.facts import record
from cluster.facts.images import Store, read
from cluster.facts.registry import Registry
from cluster.model.item import Blocked, Item, Kind
from cluster.model.spec import REGISTRY, TAG, Image
from cluster.operations.digests import ForgetImage
from cluster.operations.image_removal import RemoveImage, UntagImage

# distribution.github.io, "reference": path components.
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
)


def parse(repository: str, tag: str) -> Image:
    """Return the image that -i and -t name; the registry's address may stand before it.

    Raises:
        ConfigError: one is missing or not of its form.
    """
    example = "For example: ./skp.py docker.image-rm -i skp/docker-ds -t 1.0"
    if not repository or not tag:
        raise ConfigError("an image (-i) and its tag (-t) are needed", example)
    return named(repository, tag, ("-i=", "-t="), example)


def named(repository: str, tag: str, options: tuple[str, str], example: str) -> Image:
    """Return the image of this name; the registry's address may stand before it.

    Args:
        options: what stands before repository and tag on the command line, for messages.
        example: what to type.

    Raises:
        ConfigError: repository or tag is not of its form.
    """
    name = repository.removeprefix(f"{REGISTRY}/")
    if not _REPOSITORY.fullmatch(name):
        what = f"{options[0]}{repository}: not an image's name without a tag"
        raise ConfigError(what, example)
    if not TAG.fullmatch(tag):
        what = f"{options[1]}{tag}: not an image tag; allowed: such as latest or 1.0"
        raise ConfigError(what, example)
    return Image(name, tag)


def plan_image_removal(
    inventory: Inventory,
    fleet: Fleet,
    image: Image,
    nodes: Collection[str],
    needed_by: Sequence[str],
) -> Change:
    """Return the change that removes `image` on `nodes`, and in the registry if they are all nodes.

    Args:
        needed_by: the services that want it, which the question names.

    Raises:
        SkpError: a container uses it, or it is nowhere; NodeError: the registry can't be asked.
    """
    found = fleet.ask(read, nodes)
    errors = found.errors
    everywhere = set(inventory.names) <= set(nodes)
    tags = _tags(inventory, fleet, image.repository) if everywhere else {}
    on_record = record.known(inventory, fleet) if everywhere else {}
    _refuse_used(image, found.values, tags.get(image.tag, ""))
    items: list[Item] = list(_in_engines(image, found.values))
    if image.tag in tags:
        items.append(_in_registry(image, inventory.master.name, sorted(errors)))
    if image.name in on_record and not errors:
        items.append(ForgetImage(inventory.master.name, image.name))
    if not items:
        raise _unknown(image, found.values, tags)
    kept = f"the registry keeps {image.name}: without --nodes it goes there too"
    return Change(tuple(items), errors, () if everywhere else (kept,), _question(items, needed_by))


def _tags(inventory: Inventory, fleet: Fleet, repository: str) -> Mapping[str, str]:
    master = inventory.master.name
    return Registry(fleet.node(master)).digests([repository])[repository]


def _refuse_used(image: Image, stores: Mapping[str, Store], digest: str) -> None:
    pinned = f"{REGISTRY}/{image.repository}@{digest}"
    users = [
        f"{user.name} on {node}"
        for node, store in stores.items()
        for user in store.users_of(image.reference, pinned)
        + [u for name in _plain(image, store) for u in store.users_of(name)]
    ]
    if users:
        raise SkpError(
            f"{image.name} is in use: {', '.join(dict.fromkeys(users))}",
            "Remove these containers first; nothing was changed.",
        )


def _plain(image: Image, store: Store) -> list[str]:
    """Return the image's name without the registry's address, if an image of ours has it here."""
    found = store.named(image.name)
    return [image.name] if found and found.labelled else []


def _in_engines(image: Image, stores: Mapping[str, Store]) -> Iterator[Item]:
    for node, store in stores.items():
        for name in (image.reference, *_plain(image, store)):
            if store.named(name):
                yield RemoveImage(node, name, order=1)


def _in_registry(image: Image, master: str, unseen: Sequence[str]) -> Item:
    """Return the item for the registry: after the engines, and only if all nodes could be asked."""
    name = f"{image.name} in the registry"
    if unseen:
        return Blocked(
            Kind.IMAGE,
            master,
            name,
            f"whether a container on {', '.join(unseen)} uses it can't be seen",
            "Type it again when every node answers.",
        )
    return UntagImage(master, image, order=2)


def _unknown(image: Image, stores: Mapping[str, Store], tags: Collection[str]) -> SkpError:
    known = {f"{image.repository}:{tag}" for tag in tags}
    for store in stores.values():
        ours = [stored for stored in store.images if stored.ours]
        known |= {tag.removeprefix(f"{REGISTRY}/") for stored in ours for tag in stored.tags}
    return SkpError(
        f"there is no image {image.name} in the registry or on "
        f"{', '.join(stores)}{nearest(image.name, sorted(known))}",
        f"There are: {', '.join(sorted(known)) or 'none'}",
    )


def _question(items: Sequence[Item], needed_by: Sequence[str]) -> str:
    words = {UntagImage: "the registry", ForgetImage: "the record"}
    places = [words.get(type(item), item.node) for item in items if item.changes]
    name = items[0].name.removeprefix(f"{REGISTRY}/").removesuffix(" in the registry")
    wanted = f" ({', '.join(needed_by)} can't start without it)" if needed_by else ""
    return f"{name} would be removed from {', '.join(dict.fromkeys(places))}{wanted}."
