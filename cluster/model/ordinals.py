"""Ordinals: the numbers that a service's nodes keep for ever. Pure.

An ordinal is a name in the service's own protocol (a broker's id), and data belongs to one ordinal.
So a node keeps its ordinal when other nodes come and go, and no other node ever gets it (decision
43). The Swarm remembers ordinals; for a new Swarm, the data on a node's disk says its own.
"""

from __future__ import annotations

from cluster.model.cluster import Cluster
from cluster.model.decisions import Decisions
from cluster.model.service import Service
from cluster.model.state import State


def ordinals(service: Service, cluster: Cluster, state: State) -> dict[str, int]:
    """Return the ordinal of each numbered node of `service`, by node, from 1 on.

    It is the one that the Swarm remembers, else the one on the node's disk, else the next free one.
    """
    known = remembered(service, state)
    claims = {
        node.name: number
        for node in state.nodes.values()
        if (number := service.ordinal_on_disk(cluster, node)) > 0
    }
    chosen = dict(known)
    hosts = [host.name for host in service.numbered_hosts(cluster)]
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
