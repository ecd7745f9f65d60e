"""Images of ours that do one thing on a node and are gone: built there where they are not."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cluster.model.policy import Progress
from cluster.model.recipes import RECIPES
from cluster.model.spec import Image, Source
from cluster.operations.image import build

if TYPE_CHECKING:
    from cluster.connectors.node import Node

SKOPEO, BUILDER = "docker-skopeo", "docker-builder"
_DOES = {SKOPEO: "copies images", BUILDER: "builds images"}


def ready(node: Node, recipe: str, progress: Progress) -> str:
    """Return the reference of a tool's image on a node, built where it is not there.

    Its tag is of what it is built from, so that another version of that is built anew.
    """
    image = Image(f"skp/{recipe}", version(recipe), Source.STREAM)
    there = node.run(f"docker image inspect -f '{{{{.Id}}}}' {image.reference}")
    if there.exit_code != 0:
        progress.say(f"building {image.repository}, which {_DOES[recipe]}, on {node.name} (once)")
        build(node, image, {}, progress)
    return image.reference


def version(recipe: str) -> str:
    """Return what changes with what a tool's image is built from."""
    files = sorted(path for path in (RECIPES / recipe).rglob("*") if path.is_file())
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
