"""Asking all machines at once for the facts that findings.py judges."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.cluster import Cluster
from cluster.model.listeners import published
from cluster.model.service import Service
from cluster.model.state import State
from hosts.check.facts import ClusterFacts, Facts, Finding, parse
from hosts.check.findings import findings
from hosts.check.overlay import lost_paths, members

_SCRIPT = Path(__file__).parent / "probe.sh"
_SECONDS = 60.0  # for the whole script, each of whose commands has a shorter limit of its own


def check(fleet: Fleet, cluster: Cluster, services: Iterable[Service]) -> list[Finding]:
    """Return what is wrong with the nodes, those that can't be reached among them.

    Args:
        services: their containers say which ports and GPUs are wanted on which node.
    """
    found = _probe(fleet, cluster)
    between = members(found.values, cluster.inventory.master.name)
    lost = lost_paths(fleet, between)
    unknown = State({}, {}, None)
    wanted = [c for service in services for c in published(cluster, service, unknown)]
    ports: dict[str, dict[int, str]] = {}
    addresses: dict[str, dict[int, str]] = {}
    for container in wanted:
        for port in container.ports:
            if port.protocol == "tcp":
                ports.setdefault(container.node, {})[port.host] = container.service
                addresses.setdefault(container.node, {})[port.host] = port.address
    known = ClusterFacts(
        cluster.inventory,
        found.values,
        cluster.home,
        ports,
        frozenset(c.node for c in wanted if c.gpus),
        addresses,
        cluster.settings.number("SKP_NET_PORT"),
        lost,
    )
    return [_lost(name, error) for name, error in found.errors.items()] + findings(known)


def _lost(name: str, error: NodeError) -> Finding:
    return Finding(name, "reach", error.what, error.hint or f"ssh -v {name}")


def _probe(fleet: Fleet, cluster: Cluster) -> Results[Facts]:
    hosts = cluster.inventory.hosts
    script = _SCRIPT.read_bytes()

    def probe(node: Node) -> Facts:
        words = [
            cluster.home,
            node.host.ipv4,
            " ".join(host.ipv4 for host in hosts if host.name != node.name),
            " ".join(host.name for host in hosts),
        ]
        done = node.run(f"sh -s -- {shlex.join(words)}", stdin=script, deadline=_SECONDS)
        facts = parse(done.stdout.decode(errors="replace"))
        if "end" not in facts:
            raise NodeError(node.name, f"it could not be checked: {done.complaint()}")
        return facts

    return fleet.ask(probe)
