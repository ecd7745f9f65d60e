"""The items that make the overlay networks as the settings say. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.settings import Settings
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Deferred, Difference, Item, Keep, Kind
from cluster.model.networks import Network, networks
from cluster.model.state import State, Swarm
from cluster.operations.network import CreateNetwork


def plan_networks(cluster: Cluster, state: State) -> Iterator[Item]:
    """Yield an item for each network: one that is there is never replaced."""
    for network in networks(cluster):
        if state.swarm is None:
            master, hint = cluster.inventory.master.name, "./skp.py docker.swarm-init"
            yield Deferred(Kind.NETWORK, master, network.name, "there is no Swarm yet", hint)
        elif network.name in state.swarm.networks:
            yield _present(network, cluster.settings, state.swarm)
        else:
            yield _missing(network, cluster.settings, state.swarm)


def _missing(network: Network, settings: Settings, swarm: Swarm) -> Item:
    mtu, encrypted = settings.text("SKP_NET_MTU"), settings.flag("SKP_NET_ENCRYPTED")
    return CreateNetwork(swarm.via, network.name, network.subnet, int(mtu or 0), encrypted)


def _present(network: Network, settings: Settings, swarm: Swarm) -> Item:
    name, found = network.name, swarm.networks[network.name]
    if network.subnet and found != network.subnet:
        return Blocked(
            Kind.NETWORK,
            swarm.via,
            name,
            f"it exists with the subnet {found}, and containers may be on it",
            _way_out(network, found),
            differences=(Difference("subnet", network.subnet, found),),
        )
    if settings.flag("SKP_NET_ENCRYPTED") and name not in swarm.encrypted:
        return Blocked(
            Kind.NETWORK,
            swarm.via,
            name,
            "it exists and is not encrypted, and containers may be on it",
            'Set SKP_NET_ENCRYPTED="FALSE", or remove the services and the network first.',
            differences=(Difference("encrypted", "TRUE", "FALSE"),),
        )
    return Keep(Kind.NETWORK, swarm.via, name)


def _way_out(network: Network, found: str) -> str:
    back = f'{network.key}="{found}"' if network.key == "SKP_NET_SUBNET" else f"{network.key} back"
    return f"Set {back}, or remove the services and the network first."
