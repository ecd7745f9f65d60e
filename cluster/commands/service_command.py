"""A command of a service's own in its container: held by the lock, kept in the audit trail."""

from __future__ import annotations

from cluster.commands.change import Change
from cluster.commands.shell import find
from cluster.connectors.fleet import Fleet
from cluster.facts.nodes import containers
from cluster.model.step import Action, Kind, Step


def look(fleet: Fleet, node: str, service: str, command: tuple[str, ...]) -> Change:
    """Return the change that runs `command` in the container of `service` on `node`.

    Raises:
        NodeError: the node can't be reached, or no such container runs there.
    """
    if node in fleet.unreachable:
        raise fleet.unreachable[node]
    found = find(containers(fleet.nodes[node]), node, service)
    step = Step(
        Kind.CONTAINER, Action.RUN, node, found.name, found=found, command=command,
        seconds=fleet.deadlines.busy,
    )  # fmt: skip
    return Change((step,))
