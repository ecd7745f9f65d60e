"""Operations that take images away: a name in an engine, a tag in the registry, what is unused."""

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
    """Take the name `name` off an image of a node's engine; the image goes with its last name."""

    node: str
    name: str
    order: int = 0
    kind, action = Kind.IMAGE, Action.REMOVE

    def execute(self, context: Context) -> str:
        """Remove it, and say what that freed; one that is gone already is what was wanted."""
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
    """Take a tag out of the registry of `node`."""

    node: str
    image: Image
    order: int = 0
    kind, action = Kind.IMAGE, Action.UNTAG

    @property
    def name(self) -> str:
        """The image, without the registry's address."""
        return f"{self.image.repository}:{self.image.tag}"

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
        """Remove them by id. The engine itself refuses what a container uses by now."""
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
        """Empty it, and say what that freed."""
        node = self.node_in(context)
        with node.talking("pruning the build cache", node.deadlines.transfer) as engine:
            return f"{size(engine.prune_builds(all=True).get('SpaceReclaimed') or 0)} freed"


def _remove_all_names(engine: Engine, identity: str) -> None:
    """Remove an image; one with several names can be removed by these only, unless by force."""
    while True:
        try:
            found = engine.inspect_image(identity)
        except docker.errors.ImageNotFound:
            return
        names = [*(found.get("RepoTags") or ()), *(found.get("RepoDigests") or ())]
        engine.remove_image(names[0] if names else identity)
