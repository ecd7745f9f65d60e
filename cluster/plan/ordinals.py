"""The items by which the Swarm remembers the ordinals of a service's new nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cluster.model.cluster import Cluster
from cluster.model.item import Difference, Item
from cluster.model.ordinals import ordinals, remembered
from cluster.model.service import Service
from cluster.model.state import State
from cluster.operations.decisions import RememberOrdinals


def plan_ordinals(services: Iterable[Service], cluster: Cluster, state: State) -> Iterator[Item]:
    """Yield an operation for each service that has nodes with new ordinals."""
    if state.swarm is None:
        return
    for service in services:
        if not service.numbered:
            continue
        known = remembered(service, state)
        found = ordinals(service, cluster, state)
        new = {name: number for name, number in found.items() if name not in known}
        if new:
            differences = tuple(Difference(name, number, None) for name, number in new.items())
            numbers = {name: str(number) for name, number in new.items()}
            yield RememberOrdinals(state.swarm.via, service.name, numbers, differences)
