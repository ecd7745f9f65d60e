"""Restarting a family: one container after another, each only when the last one works again."""

from __future__ import annotations

from collections.abc import Collection

from cluster.commands.change import Change
from cluster.connectors.fleet import Fleet
from cluster.facts.nodes import containers
from cluster.model.selector import Found, among
from cluster.model.state import FoundContainer
from cluster.model.step import Action, Kind, Step


def look(fleet: Fleet, name: str, nodes: Collection[str]) -> Change:
    """Return the change that restarts what `name` means on `nodes`.

    Raises:
        SkpError: no container of that name is there.
    """
    found = fleet.each(containers, nodes)
    errors = {**fleet.unreachable, **found.errors}
    return Change(
        tuple(plan_restart(found.values, name)),
        {node: error for node, error in errors.items() if node in nodes},
    )


def plan_restart(found: Found, name: str) -> list[Step]:
    """Return the steps, in the order of the nodes, but what does not work first; pure.

    So a restart that does not help is known before anything that works is touched.

    Raises:
        SkpError: no container of that name is there.
    """
    meant = sorted(among(found, name), key=lambda entry: entry[1].works)
    ours = [(node, container) for node, container in meant if container.service]
    return [
        *(
            Step(Kind.CONTAINER, Action.RESTART, node, c.name, found=c, turn=turn)
            for turn, (node, c) in enumerate(ours, 1)
        ),
        *(_refused(node, c) for node, c in meant if not c.service),
    ]


def _refused(node: str, container: FoundContainer) -> Step:
    return Step(
        Kind.CONTAINER,
        Action.BLOCK,
        node,
        container.name,
        reason=f"the container {container.name} is not ours",
        hint=f"Restart it there: docker restart {container.name} on {node}",
    )
