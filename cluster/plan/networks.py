"""The items that make the overlay networks as the settings say. Pure."""

from __future__ import annotations

import ipaddress
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
            master = cluster.inventory.master.name
            yield Deferred(Kind.NETWORK, master, network.name, *_no_swarm(cluster, state))
        elif network.name in state.swarm.networks:
            yield _present(network, cluster.settings, state.swarm)
        else:
            yield _missing(network, cluster.settings, state.swarm)


def _no_swarm(cluster: Cluster, state: State) -> tuple[str, str]:
    """Return why there is no Swarm that could be asked, and what to type."""
    master = cluster.inventory.master.name
    members = [n.name for n in state.nodes.values() if n.membership.state != "inactive"]
    if master in state.unreachable:
        return "the master can't be reached", f"Bring {master} back."
    if members:
        return "no manager of the Swarm answers", f"Look at it: ssh {members[0]} docker info"
    return "there is no Swarm yet", "./skp.py docker.swarm-init"


def unmakeable(cluster: Cluster, state: State) -> Iterator[Item]:
    """Yield the networks that are not there, and can't be made."""
    if swarm := state.swarm:
        absent = [each for each in networks(cluster) if each.name not in swarm.networks]
        yield from filter(None, (_obstacle(network, swarm) for network in absent))


def _obstacle(network: Network, swarm: Swarm) -> Item | None:
    """Return why a network can't be made: the Swarm would take it, and give it no addresses."""
    if network.name in swarm.closed:
        reason = "there is one of that name that no container can be attached to"
        return Blocked(Kind.NETWORK, swarm.via, network.name, reason, _removal(network.name, swarm))
    for other, subnet in {**swarm.closed, **swarm.networks}.items():
        if _overlap(network.subnet, subnet):
            reason = f"the network {other} has addresses of {network.subnet} already ({subnet})"
            hint = f"Set {network.key} to others. If {other} is needed no more: "
            place = (Kind.NETWORK, swarm.via, network.name)
            return Blocked(*place, reason, f"{hint}{_removal(other, swarm)}")
    return None


def _overlap(one: str, other: str) -> bool:
    try:
        return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other, strict=False))
    except ValueError:  # "", which the engine chooses, or addresses of IPv6
        return False


def _removal(name: str, swarm: Swarm) -> str:
    return f"ssh {swarm.via} docker network rm {name}"


def _missing(network: Network, settings: Settings, swarm: Swarm) -> Item:
    if obstacle := _obstacle(network, swarm):
        return obstacle
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
