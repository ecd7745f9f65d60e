"""The images of deployments: in the cluster's own registry, by digest, on every node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cluster.errors import ConfigError, NodeError
from cluster.facts.registry import Registry
from cluster.model.policy import Progress
from cluster.model.spec import REGISTRY, Image
from cluster.operations import image_transfer

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node

_MIRROR = "mirror"
_PUBLIC = "docker.io"


def kept(reference: str) -> Image:
    """Return what the cluster's registry has for a reference: its own image, or a copy of it.

    Of "registry.example:5000/team/app:1" the copy is "mirror/registry.example_5000/team/app:1".
    """
    name, _, digest = reference.partition("@")
    host, _, rest = name.partition("/")
    if not rest or not ("." in host or ":" in host or host == "localhost"):
        host, rest = _PUBLIC, name if "/" in name else f"library/{name}"
    repository, _, tag = rest.rpartition(":") if ":" in rest else (rest, "", "latest")
    if digest:
        tag = digest.replace(":", "-")[:128]
    if host == REGISTRY:
        return Image(repository, tag)
    return Image(f"{_MIRROR}/{host.replace(':', '_')}/{repository}", tag)


def digests(node: Node, references: Iterable[str]) -> dict[str, str]:
    """Return, by reference, how nodes know the image: in their registry, by its digest.

    Raises:
        ConfigError: the registry does not have one.
    """
    wanted = {reference: kept(reference) for reference in references}
    found = Registry(node).identify(wanted.values())
    result: dict[str, str] = {}
    for reference, image in wanted.items():
        if reference.startswith(f"{REGISTRY}/") and "@" in reference:
            result[reference] = reference
            continue
        if image not in found:
            push = f"docker push {image.reference}"
            tag = f"docker pull {reference}; docker tag {reference} {image.reference}; "
            what = f"{reference}: the cluster's registry does not have it, or does not answer"
            brings = push if reference.startswith(f"{REGISTRY}/") else tag + push
            raise ConfigError(what, f"On a node: {brings}")
        result[reference] = f"{REGISTRY}/{image.repository}@{found[image]}"
    return result


def pull(fleet: Fleet, names: Iterable[str], references: Iterable[str]) -> Mapping[str, NodeError]:
    """Pull images on nodes, all at once; return why they are not there, by node."""
    wanted = tuple(dict.fromkeys(references))
    unseen = Progress(lambda _: None)

    def each(node: Node) -> None:
        for reference in wanted:
            repository, _, digest = reference.partition("@")
            image_transfer.pull(node, repository, digest, unseen)

    return fleet.ask(each, names).errors
