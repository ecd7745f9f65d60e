"""On which of a node's addresses published ports listen: decided here, for all services."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cluster.model.cluster import Cluster
from cluster.model.layout import Layout
from cluster.model.spec import Container

if TYPE_CHECKING:
    from cluster.model.service import Service
    from cluster.model.state import State

ALL, ALL_IPV4, LOOPBACK = "", "0.0.0.0", "127.0.0.1"  # noqa: S104 - it is what is looked for


def bind_address(cluster: Cluster, node: str) -> str:
    """Return the address of `node` on which its published ports listen; `ALL` for all of them.

    It is what SKP_BIND says, else the node's private one. A cluster of an earlier version listens
    everywhere until somebody agrees to change that.
    """
    if given := cluster.settings.text("SKP_BIND"):
        return given
    return cluster.inventory.host(node).ipv4 if cluster.layout is Layout.TWO_TREES else ALL


def reached_at(cluster: Cluster, node: str) -> str:
    """Return the address at which `node` itself reaches its published ports."""
    address = bind_address(cluster, node)
    return LOOPBACK if address in (ALL, ALL_IPV4) else address


def published(cluster: Cluster, service: Service, facts: State) -> Iterator[Container]:
    """Yield the containers that a service wants, with the addresses that their ports listen on.

    With SKP_DOOR_ONLY the ports of pages are not published: the front door leads there. (A cluster
    of an earlier version keeps its ports until somebody agreed to its move.)
    """
    closed: set[int] = set()
    if cluster.settings.flag("SKP_DOOR_ONLY") and cluster.layout is Layout.TWO_TREES:
        closed = {page.port for page in service.pages(cluster)}
    for container in service.containers(cluster, facts):
        yield _bound(cluster, container, closed)


def _bound(cluster: Cluster, container: Container, closed: Collection[int]) -> Container:
    address = bind_address(cluster, container.node)
    ports = tuple(
        replace(port, address=port.address or address)
        for port in container.ports
        if port.host not in closed
    )
    return replace(container, ports=ports) if ports != container.ports else container
