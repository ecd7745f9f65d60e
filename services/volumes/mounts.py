"""The commands on data volumes: status, check, mount and umount, on all nodes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cluster.errors import ConfigError, NodeError, nearest
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Item, Keep, Kind
from cluster.operations.container_run import RunCommand
from services.volumes.backends import BACKENDS, Backend
from services.volumes.service import SERVICE

if TYPE_CHECKING:
    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node

# Deadlines in seconds: for an answer, for a check, and for mounting, or unmounting with everything
# written back.
_ASK, _CHECK, _CHANGE = 10, 60, 75
_STATES = {"mount": "mounted", "umount": "unmounted by hand"}


def chosen(cluster: Cluster, name: str) -> tuple[Backend, ...]:
    """Return the backend `name`, or for "" all that are switched on.

    Raises:
        ConfigError: there is no such backend, or it is switched off.
    """
    names = [backend.name for backend in BACKENDS]
    if name and name not in names:
        raise ConfigError(
            f"no data volume {name}{nearest(name, names)}", f"There are: {', '.join(names)}"
        )
    found = tuple(b for b in SERVICE.backends(cluster) if name in ("", b.name))
    if not found:
        raise SERVICE.no_host_error(cluster)
    return found


def ask(
    cluster: Cluster, fleet: Fleet, backends: Sequence[Backend], verb: str, among: Collection[str]
) -> tuple[list[dict[str, Any]], Mapping[str, NodeError]]:
    """Run `volume-skp VERB` in the container of each backend on each node.

    Args:
        among: the names of the nodes that may be asked.

    Returns:
        A row for each container, with `node`, `volume`, `ok` and what volume-skp printed; and why
        nodes could not be asked, by node.
    """
    nodes = [host.name for host in SERVICE.hosts(cluster) if host.name in among]
    asked = fleet.ask(
        lambda node: [_one(cluster, node, backend, verb) for backend in backends], nodes
    )
    rows = [row for node in nodes for row in asked.values.get(node, [])]
    return rows, asked.errors


def change_mounts(
    cluster: Cluster, fleet: Fleet, backends: Sequence[Backend], verb: str, nodes: Collection[str]
) -> Change:
    """Return the change that mounts or unmounts (`verb`) volumes on `nodes`."""
    from cluster.commands.change import Change

    rows, errors = ask(cluster, fleet, backends, "status", nodes)
    return Change(tuple(planned(cluster, row, verb) for row in rows), errors)


def planned(cluster: Cluster, row: Mapping[str, Any], verb: str) -> Item:
    """Return the item for one volume, given the row of its status; pure."""
    (backend,) = (b for b in BACKENDS if b.name == row["volume"])
    name, state = SERVICE.container_name(cluster, backend, row["node"]), row.get("state")
    if state is None:
        hint = "./skp.py docker.apply volumes makes it."
        return Blocked(Kind.CONTAINER, row["node"], name, row["error"], hint)
    if state == _STATES[verb]:
        return Keep(Kind.CONTAINER, row["node"], name)
    return RunCommand(row["node"], name, ("volume-skp", verb), _CHANGE)


def _one(cluster: Cluster, node: Node, backend: Backend, verb: str) -> dict[str, Any]:
    name = SERVICE.container_name(cluster, backend, node.name)
    seconds = _CHECK if verb == "check" else _ASK
    limited = ["timeout", "-k", "2", str(seconds)]
    done = node.run(
        shlex.join([*limited, "docker", "exec", name, "volume-skp", verb]), deadline=seconds + 5
    )
    row: dict[str, Any] = {"node": node.name, "volume": backend.name}
    if done.exit_code and not done.text:
        return {**row, "ok": False, "error": done.complaint(1)}
    return {**row, "ok": done.exit_code == 0, **(json.loads(done.text) if done.text else {})}
