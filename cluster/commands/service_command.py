"""Running a service's own command in its container, as a change (lock, audit trail)."""

from __future__ import annotations

from cluster.commands.change import Change
from cluster.commands.shell import find
from cluster.connectors.fleet import Fleet
from cluster.facts.nodes import containers
from cluster.operations.container_run import RunCommand


def find_command(fleet: Fleet, node: str, service: str, command: tuple[str, ...]) -> Change:
    """Return the change that runs `command` in the container of `service` on `node`.

    Raises:
        NodeError: the node can't be reached, or no such container runs there.
    """
    found = find(containers(fleet.node(node)), node, service)
    return Change((RunCommand(node, found.name, command, fleet.deadlines.busy),))
