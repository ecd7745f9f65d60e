"""Settings that contradict each other: found before anything is touched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cluster.errors import ConfigError
from cluster.spec import Container


def conflicts(containers: Iterable[Container]) -> Iterator[ConfigError]:
    """Yield an error for each name or port that two containers want on one node."""
    names: dict[tuple[str, str], str] = {}
    ports: dict[tuple[str, int, str], str] = {}
    for container in containers:
        node, service = container.node, container.service
        key = (node, container.name)
        if names.setdefault(key, service) != service:
            yield ConfigError(
                f"{names[key]} and {service} would both be called {container.name} on {node}",
                f"Change {names[key].upper()}_NAME or {service.upper()}_NAME in bin/env.sh.",
            )
        for port in container.ports:
            place = (node, port.host, port.protocol)
            if place in ports:
                yield ConfigError(
                    f"port {port.host}/{port.protocol} is wanted twice on {node}: "
                    f"by {ports[place]} and by {container.name}",
                    "Give one of them another port in bin/env.sh.",
                )
            ports[place] = container.name
