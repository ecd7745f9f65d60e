"""Restarting containers by name, one after another, each only when the one before works again."""

from __future__ import annotations

from collections.abc import Collection

from cluster.commands.change import Change
from cluster.connectors.fleet import Fleet
from cluster.facts.nodes import containers
from cluster.model.item import Blocked, Item, Kind
from cluster.model.policy import Busy
from cluster.model.selector import Found, among
from cluster.model.state import FoundContainer
from cluster.operations.container import RestartContainer


def find_restart(fleet: Fleet, name: str, nodes: Collection[str], busy: Busy) -> Change:
    """Return the change that restarts the containers that `name` selects on `nodes`.

    Args:
        busy: what is done about a container that is at work.

    Raises:
        SkpError: `name` selects no container.
    """
    found = fleet.ask(containers, nodes)
    return Change(tuple(plan_restart(found.values, name, busy)), found.errors)


def plan_restart(found: Found, name: str, busy: Busy) -> list[Item]:
    """Return the items: containers that do not work first, then in the order of the nodes; pure.

    So a restart that does not help fails before a container that works is touched.

    Raises:
        SkpError: `name` selects no container.
    """
    meant = sorted(among(found, name), key=lambda entry: entry[1].works)
    ours = [(node, container) for node, container in meant if container.service]
    return [
        *(
            RestartContainer(node, c.name, c, busy, order)
            for order, (node, c) in enumerate(ours, 1)
        ),
        *(_refused(node, c) for node, c in meant if not c.service),
    ]


def _refused(node: str, container: FoundContainer) -> Item:
    return Blocked(
        Kind.CONTAINER,
        node,
        container.name,
        f"the container {container.name} is not ours",
        f"Restart it there: docker restart {container.name} on {node}",
    )
