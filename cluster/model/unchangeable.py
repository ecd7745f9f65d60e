"""What a Swarm keeps for as long as it lives, where this machine's files say otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.model.cluster import Cluster
from cluster.model.state import State


def warnings(cluster: Cluster, state: State) -> list[str]:
    """Return what the Swarm that is there has otherwise than the files say, and what to do."""
    return [*_data_port(cluster, state), *_addresses(cluster, state)]


def _data_port(cluster: Cluster, state: State) -> Iterator[str]:
    key, settings = "SKP_NET_PORT", cluster.settings
    if state.swarm and state.swarm.data_port != settings.number(key):
        found = state.swarm.data_port
        yield (
            f"{settings.place(key)}: {key}: {settings.number(key)} is for a Swarm that is begun; "
            f'the one that is there keeps {found}/udp: write export {key}="{found}", or make it '
            "anew (docker.swarm-leave, then docker.apply; data stays)"
        )


def _addresses(cluster: Cluster, state: State) -> Iterator[str]:
    for host in cluster.inventory.hosts:
        if host.name not in state.nodes:
            continue
        known = state.nodes[host.name].membership.address
        if known not in ("", host.ipv4):
            yield (
                f"{host.name}: {cluster.inventory.path} says {host.ipv4}, the Swarm knows it as "
                f"{known}"
            )
