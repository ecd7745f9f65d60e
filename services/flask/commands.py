"""What account.* asks of the service, in its container: no password is on a command line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cluster.errors import NodeError
from cluster.model.cluster import Cluster
from services.flask.service import SERVICE as FLASK

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node

_SECONDS = 60  # deadline
_REFUSED = 3  # how it ends where the service is well, and refuses what was asked for


def request(
    cluster: Cluster,
    fleet: Fleet,
    verb: str,
    given: Mapping[str, str],
    seconds: float = _SECONDS,
) -> Any:
    """Have the service do what `flask-skp account VERB` does, and return its answer.

    All instances have the same accounts: the first one that runs is asked.

    Args:
        given: what the verb needs; secrets too, since it goes to standard input.
        seconds: its deadline.

    Raises:
        SkpError: no node is for the service, it runs nowhere, or it refuses.
    """
    node, container = _running(cluster, fleet)
    words = ["timeout", "-k2", f"{seconds:.0f}", "docker", "exec", "-i", container]
    done = node.run(
        shlex.join([*words, "flask-skp", "account", verb]),
        stdin=json.dumps(dict(given)).encode(),
        deadline=seconds + 5,
    )
    if done.exit_code:
        what, _, hint = done.complaint(2).partition("\n")
        log = "" if done.exit_code == _REFUSED else f"./skp.py docker.logs -n {container}"
        raise NodeError(node.name, what, hint or log)
    return json.loads(done.text)


def change(
    cluster: Cluster, fleet: Fleet, command: str, verb: str, given: Mapping[str, str]
) -> tuple[Any, list[str]]:
    """Have the service carry out what changes accounts or projects, with the audit trail written.

    The cluster is not changed, so no lock is taken.

    Args:
        command: the command's name; with the name that it is about, it is what the trail has.

    Returns:
        The service's answer, and why managers could not write the trail.

    Raises:
        SkpError: what `request` raises.
    """
    from cluster.commands.audit import noted

    what = " ".join(filter(None, (command, given.get("name"), given.get("account"))))
    with noted(fleet, cluster.inventory, what) as complaints:
        return request(cluster, fleet, verb, given), complaints


def _running(cluster: Cluster, fleet: Fleet) -> tuple[Node, str]:
    """Return the first node on which the service runs, and its container there."""
    from cluster.commands.shell import find
    from cluster.facts.nodes import containers

    hosts = FLASK.hosts(cluster)
    if not hosts:
        raise FLASK.no_host_error(cluster)
    for host in hosts:
        with suppress(NodeError):
            node = fleet.node(host.name)
            return node, find(containers(node), host.name, FLASK.name).name
    names = ", ".join(host.name for host in hosts)
    raise NodeError(names, "the account service does not run there", "./skp.py docker.flask-run")
