"""Steps that take images away: a name in an engine, a tag in the registry, what nothing needs."""

from __future__ import annotations

from collections.abc import Mapping

import docker.errors

from cluster.connectors.engine import Engine
from cluster.errors import NodeError
from cluster.facts.registry import Registry
from cluster.model.step import Action, Step
from cluster.operations.dispatch import Context, Performer


def size(number: float) -> str:
    """Return bytes for people, in the decimal units that `docker images` uses."""
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def _remove(context: Context, step: Step) -> str:
    """Take a name off an image; the image goes with its last name."""
    node = context.fleet.nodes[step.node]
    with node.talking(f"removing {step.name}", node.deadlines.transfer) as engine:
        before = engine.layers_size()
        try:
            engine.remove_image(step.name)
        except docker.errors.ImageNotFound:
            return ""  # gone already, which is what was wanted
        return f"{size(before - engine.layers_size())} freed"


def _untag(context: Context, step: Step) -> str:
    repository, _, tag = step.name.rpartition(":")
    Registry(context.fleet.nodes[step.node]).untag(repository, tag)
    return ""


def _prune(context: Context, step: Step) -> str:
    """Remove images by id. The engine itself refuses what a container uses by now."""
    node = context.fleet.nodes[step.node]
    refused: list[str] = []
    with node.talking("pruning images", node.deadlines.transfer) as engine:
        before = engine.layers_size()
        for identity in step.images:
            try:
                _remove_all_names(engine, identity)
            except docker.errors.APIError as error:
                refused.append(str(error.explanation or error))
        freed = f"{size(before - engine.layers_size())} freed"
    if refused:
        raise NodeError(node.name, "; ".join([*refused, freed]))
    return freed


def _remove_all_names(engine: Engine, identity: str) -> None:
    """Remove an image; one with several names can be removed by these only, unless by force."""
    while True:
        try:
            found = engine.inspect_image(identity)
        except docker.errors.ImageNotFound:
            return
        names = [*(found.get("RepoTags") or ()), *(found.get("RepoDigests") or ())]
        engine.remove_image(names[0] if names else identity)


def _prune_cache(context: Context, step: Step) -> str:
    node = context.fleet.nodes[step.node]
    with node.talking("pruning the build cache", node.deadlines.transfer) as engine:
        return f"{size(engine.prune_builds(all=True).get('SpaceReclaimed') or 0)} freed"


PERFORMERS: Mapping[str, Performer] = {
    Action.REMOVE: _remove,
    Action.UNTAG: _untag,
    Action.PRUNE: _prune,
    Action.PRUNE_CACHE: _prune_cache,
}
