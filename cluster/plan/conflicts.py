"""Conflicts between settings, found before anything is touched. Pure."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator

from cluster.config.settings import Settings
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.listeners import ALL_IPV4
from cluster.model.networks import networks
from cluster.model.spec import Container
from cluster.plan.taken import taken as networks_of_engines


def conflicts(cluster: Cluster, containers: Iterable[Container]) -> Iterator[ConfigError]:
    """Yield an error for each container name, port or address that is wanted twice."""
    containers = list(containers)
    yield from _names(cluster.settings, containers)
    yield from _ports(cluster.settings, containers)
    yield from _addresses(cluster)
    yield from _bind(cluster)
    yield from networks_of_engines(cluster)


def _names(settings: Settings, containers: Iterable[Container]) -> Iterator[ConfigError]:
    names: dict[tuple[str, str], str] = {}
    for container in containers:
        node, service = container.node, container.service
        first = names.setdefault((node, container.name), service)
        if first != service:
            yield ConfigError(
                f"{settings.path}: {first} and {service} would both be called {container.name} "
                f"on {node}",
                f"Change {first.upper()}_NAME or {service.upper()}_NAME there.",
            )


def _ports(settings: Settings, containers: Iterable[Container]) -> Iterator[ConfigError]:
    taken: dict[tuple[str, int, str], dict[str, str]] = {}
    for container in containers:
        for port in container.ports:
            others = taken.setdefault((container.node, port.host, port.protocol), {})
            # (One container may have a port at two addresses.)
            clash = [n for at, n in others.items() if n != container.name or at == port.address]
            if clash:
                who = " and ".join(dict.fromkeys([*clash, container.name]))
                keys = " and ".join(settings.ports(port.host))
                yield ConfigError(
                    f"{settings.path}: port {port.host}/{port.protocol} is wanted twice on "
                    f"{container.node}, by {who}{f': {keys}' if keys else ''}",
                    "Give one of them another port.",
                )
            others[port.address] = container.name


def _addresses(cluster: Cluster) -> Iterator[ConfigError]:
    """Yield an error for each setting whose overlays have the addresses of nodes, or another's."""
    ranges: dict[str, ipaddress.IPv4Network] = {}
    for key in dict.fromkeys(network.key for network in networks(cluster)):
        if text := cluster.settings.text(key):
            ranges[key] = ipaddress.IPv4Network(text)
    for key, subnet in ranges.items():
        inside = [
            f"{host.name} ({host.ipv4})"
            for host in cluster.inventory.hosts
            if ipaddress.IPv4Address(host.ipv4) in subnet
        ]
        if inside:
            what = f"the own addresses of {', '.join(inside)} in {cluster.inventory.path}"
            yield _overlap(cluster, key, subnet, what)
    for (key, subnet), (other, theirs) in itertools.combinations(ranges.items(), 2):
        if subnet.overlaps(theirs):
            yield _overlap(cluster, other, theirs, f"addresses of {key} ({subnet})")


def _overlap(cluster: Cluster, key: str, subnet: ipaddress.IPv4Network, what: str) -> ConfigError:
    return ConfigError(
        f"{cluster.settings.place(key)}: {key}: {subnet} holds {what}",
        "Give overlay networks addresses that nothing else has.",
    )


def _bind(cluster: Cluster) -> Iterator[ConfigError]:
    """Yield an error for an address that only one of several nodes can have."""
    key = "SKP_BIND"
    given = cluster.settings.text(key)
    address = ipaddress.IPv4Address(given or ALL_IPV4)
    if not (address.is_unspecified or address.is_loopback) and len(cluster.inventory.hosts) > 1:
        yield ConfigError(
            f"{cluster.settings.place(key)}: {key}: no two nodes have the address {given}",
            f'Write "" for each node\'s own address, or "{ALL_IPV4}" for all that each has.',
        )
