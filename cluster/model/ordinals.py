"""Ordinals: the numbers that a service's nodes keep for ever. Pure.

An ordinal is a name in the service's own protocol (a broker's id); data belongs to one ordinal
alone. So a node keeps its own whoever comes and goes, and one that was given is never given to
another node. The Swarm remembers them; data on a node's disk says its own, should the Swarm be a
new one.
"""

from __future__ import annotations

from cluster.model.cluster import Cluster
from cluster.model.decisions import Decisions
from cluster.model.service import Service
from cluster.model.state import State


def ordinals(service: Service, cluster: Cluster, state: State) -> dict[str, int]:
    """Return the number of each node of `service`, from 1 on: remembered, found, or the next."""
    known = remembered(service, state)
    claims = {
        node.name: number
        for node in state.nodes.values()
        if (number := service.ordinal_on_disk(cluster, node)) > 0
    }
    chosen = dict(known)
    hosts = [host.name for host in service.hosts(cluster)]
    for name in hosts:
        if name not in chosen and name in claims and claims[name] not in chosen.values():
            chosen[name] = claims[name]
    last = max([0, *chosen.values(), *claims.values()])
    for name in hosts:
        if name not in chosen:
            chosen[name] = last = last + 1
    return {name: chosen[name] for name in hosts}


def remembered(service: Service, state: State) -> dict[str, int]:
    """Return the ordinals that the Swarm remembers, by node."""
    decisions = state.swarm.decisions if state.swarm else Decisions()
    table = decisions.numbers.get(service.name, {})
    return {name: int(number) for name, number in table.items() if number.isdigit()}
