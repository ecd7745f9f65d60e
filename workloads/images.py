"""The images of deployments: in the cluster's own registry, by digest, on every node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cluster.errors import ConfigError, NodeError
from cluster.facts.registry import Registry
from cluster.model.policy import Progress
from cluster.model.spec import REGISTRY, Image
from cluster.operations import image_transfer
from workloads.references import Reference, parsed

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node


def digests(node: Node, references: Iterable[str]) -> tuple[dict[str, str], list[Reference]]:
    """Return, by reference, how nodes know the image: in their registry, by its digest.

    With them the references that have to be copied there first.

    Raises:
        ConfigError: one that names the cluster's own registry is not there.
    """
    wanted = {text: parsed(text) for text in references}
    found = Registry(node).identify(each.kept for each in wanted.values())
    result, missing = dict[str, str](), list[Reference]()
    for text, reference in wanted.items():
        image = reference.kept
        if reference.is_own and reference.digest:
            result[text] = text
        elif image in found:
            result[text] = f"{REGISTRY}/{image.repository}@{found[image]}"
        elif reference.is_own:
            what = f"{text}: the cluster's registry does not have it, or does not answer"
            raise ConfigError(what, _how(image))
        else:
            missing.append(reference)
    return result, missing


def _how(image: Image) -> str:
    """Return what brings an image into the cluster's registry."""
    if image.repository.startswith("skp/"):
        return "Of SKP's own it has what is shared between nodes: ./skp.py docker.image-list"
    return f"./skp.py deploy.build {image.name} FOLDER, or on a node: docker push {image.reference}"


def pull(fleet: Fleet, names: Iterable[str], references: Iterable[str]) -> Mapping[str, NodeError]:
    """Pull images on nodes, all at once; return why they are not there, by node."""
    wanted = tuple(dict.fromkeys(references))
    unseen = Progress(lambda _: None)

    def each(node: Node) -> None:
        for reference in wanted:
            repository, _, digest = reference.partition("@")
            image_transfer.pull(node, repository, digest, unseen)

    return fleet.ask(each, names).errors
