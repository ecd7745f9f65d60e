"""The ways to a deployment at the front door, and which of two services serves. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cluster.model.route import Route, Routes
from workloads.model import Deployment, Part, Way
from workloads.naming import door_network, pieces
from workloads.store import Found
from workloads.to_service import makes_room


def slots(
    wanted: Deployment, there: Sequence[Found], serving: Collection[str], nodes: Sequence[str]
) -> dict[str, int]:
    """Return by container which of its two services a new revision is.

    What is at the front door, and need not end before its new one begins, gets the one that does
    not serve; anything else is changed where it is.

    Args:
        there: the deployment's services. serving: names of those that routes lead to.
        nodes: by copy, the node that it is held to; "" for any.
    """
    return {part.name: _slot(wanted, part, there, serving, nodes) for part in wanted.parts}


def _slot(
    wanted: Deployment,
    part: Part,
    there: Sequence[Found],
    serving: Collection[str],
    nodes: Sequence[str],
) -> int:
    own = [found for found in there if found.piece.part == part.name]
    serves = {found.piece.slot for found in own if found.spec["Name"] in serving}
    present = min(serves or {found.piece.slot for found in own}, default=0)
    beside = bool(part.ways) and bool(serves) and not makes_room(wanted, part, nodes)
    return 1 - present if beside else present


def served(routes: Routes) -> frozenset[str]:
    """Return the names of the services that routes lead to."""
    return frozenset(name for route in routes.by_host.values() for name in route.servers)


def ways(wanted: Deployment, project: str, slots_: Mapping[str, int]) -> dict[str, Route]:
    """Return a deployment's routes by host name."""
    names: dict[str, list[str]] = {}
    for piece, part in pieces(wanted, project, slots_):
        names.setdefault(part.name, []).append(piece.name)
    return {
        port.way.host: _route(part, port.port, port.way, project, tuple(names[part.name]))
        for part in wanted.parts
        for port in part.ports
        if port.way
    }


def _route(part: Part, port: int, way: Way, project: str, servers: tuple[str, ...]) -> Route:
    asked = part.health.path if part.health and part.health.port == port else ""
    network = door_network(project)
    return Route(project, network, servers, port, way.login, way.upload, way.timeout, asked)


def of(routes: Routes, services: Collection[str]) -> dict[str, Route]:
    """Return the routes that lead to one of these services."""
    return {h: r for h, r in routes.by_host.items() if not set(services).isdisjoint(r.servers)}


def replaced(routes: Routes, before: Collection[str], after: Mapping[str, Route]) -> Routes:
    """Return routes without those of the hosts `before`, and with those of `after`."""
    kept = {host: route for host, route in routes.by_host.items() if host not in before}
    return Routes({**kept, **after}, routes.version)


def addresses(
    tasks: Sequence[Mapping[str, object]], services: Collection[str], network: str
) -> set[str]:
    """Return the addresses on a network that tasks of these services (by id) have."""
    found = set[str]()
    for task in tasks:
        if task.get("ServiceID") in services:
            for each in task.get("NetworksAttachments") or []:  # type: ignore[attr-defined]
                if each["Network"]["Spec"]["Name"] == network:
                    found |= {text.partition("/")[0] for text in each.get("Addresses") or []}
    return found
