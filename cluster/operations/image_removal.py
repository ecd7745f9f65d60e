"""Operations that remove images: a name in an engine, a tag in the registry, unused images."""

from __future__ import annotations

from dataclasses import dataclass

import docker.errors

from cluster.connectors.engine import Engine
from cluster.errors import NodeError
from cluster.facts.registry import Registry
from cluster.model.item import Action, Difference, Kind
from cluster.model.spec import Image
from cluster.model.units import size
from cluster.operations.base import Context, Operation


@dataclass(frozen=True)
class RemoveImage(Operation):
    """Remove the name `name` of an image in a node's engine; with its last name the image goes."""

    node: str
    name: str
    order: int = 0
    kind, action = Kind.IMAGE, Action.REMOVE

    def execute(self, context: Context) -> str:
        """Remove it, and return what that freed; "" if the name was gone already."""
        node = self.node_in(context)
        with node.talking(f"removing {self.name}", node.deadlines.transfer) as engine:
            before = engine.layers_size()
            try:
                engine.remove_image(self.name)
            except docker.errors.ImageNotFound:
                return ""
            return f"{size(before - engine.layers_size())} freed"


@dataclass(frozen=True)
class UntagImage(Operation):
    """Remove a tag from the registry of `node`."""

    node: str
    image: Image
    order: int = 0
    kind, action = Kind.IMAGE, Action.UNTAG

    @property
    def name(self) -> str:
        """The image, without the registry's address."""
        return self.image.name

    def execute(self, context: Context) -> str:
        """Untag it."""
        Registry(self.node_in(context)).untag(self.image.repository, self.image.tag)
        return ""


@dataclass(frozen=True)
class PruneImages(Operation):
    """Remove images of ours from a node's engine that nothing needs.

    Attributes:
        images: their ids.
    """

    node: str
    images: tuple[str, ...]
    differences: tuple[Difference, ...] = ()
    name: str = "images"
    kind, action = Kind.IMAGE, Action.PRUNE

    def execute(self, context: Context) -> str:
        """Remove them by id. The engine refuses an image that a container uses meanwhile."""
        node = self.node_in(context)
        refused: list[str] = []
        with node.talking("pruning images", node.deadlines.transfer) as engine:
            before = engine.layers_size()
            for identity in self.images:
                try:
                    _remove_all_names(engine, identity)
                except docker.errors.APIError as error:
                    refused.append(str(error.explanation or error))
            freed = f"{size(before - engine.layers_size())} freed"
        if refused:
            raise NodeError(node.name, "; ".join([*refused, freed]))
        return freed


@dataclass(frozen=True)
class PruneBuildCache(Operation):
    """Empty the build cache of a node's engine."""

    node: str
    name: str = "build cache"
    kind, action = Kind.IMAGE, Action.PRUNE_CACHE

    def execute(self, context: Context) -> str:
        """Empty it, and return what that freed."""
        node = self.node_in(context)
        with node.talking("pruning the build cache", node.deadlines.transfer) as engine:
            return f"{size(engine.prune_builds(all=True).get('SpaceReclaimed') or 0)} freed"


def _remove_all_names(engine: Engine, identity: str) -> None:
    """Remove an image by each of its names: without force the engine refuses it by id."""
    while True:
        try:
            found = engine.inspect_image(identity)
        except docker.errors.ImageNotFound:
            return
        names = [*(found.get("RepoTags") or ()), *(found.get("RepoDigests") or ())]
        engine.remove_image(names[0] if names else identity)
