"""Numbers that a service's nodes keep for ever: pure.

A number is a name in the service's own protocol (a broker's id); data is of one number alone. So a
node keeps its own whoever comes and goes, and one that was given is never given to another node.
The Swarm remembers them; data on a node's disk says its own, should the Swarm be a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cluster.model.decisions import Intent
from cluster.model.service import Cluster, Service
from cluster.model.state import State
from cluster.model.step import Action, Difference, Kind, Step


def numbers(service: Service, cluster: Cluster, state: State) -> dict[str, int]:
    """Return the number of each node of `service`, from 1 on: remembered, found, or the next."""
    known = _remembered(service, state)
    claims = {
        node.name: number
        for node in state.nodes.values()
        if (number := service.claimed(cluster, node)) > 0
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


def plan_numbers(services: Iterable[Service], cluster: Cluster, state: State) -> Iterator[Step]:
    """Yield a step for each service that has nodes with new numbers, for the Swarm to remember."""
    if state.swarm is None:
        return
    for service in services:
        known = _remembered(service, state) if service.numbered else {}
        found = numbers(service, cluster, state) if service.numbered else {}
        new = {name: number for name, number in found.items() if name not in known}
        if new:
            yield Step(
                Kind.INTENT, Action.NUMBER, state.swarm.via, f"{service.name} numbers",
                differences=tuple(Difference(name, number, None) for name, number in new.items()),
                values={name: str(number) for name, number in new.items()},
            )  # fmt: skip


def _remembered(service: Service, state: State) -> dict[str, int]:
    intent = state.swarm.intent if state.swarm else Intent()
    table = intent.numbers.get(service.name, {})
    return {name: int(number) for name, number in table.items() if number.isdigit()}
