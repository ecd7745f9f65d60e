"""What a Swarm keeps for as long as it lives, where this machine's files say otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host, Inventory
from cluster.model.cluster import Cluster
from cluster.model.listeners import ALL_IPV4
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


def rejoin(inventory: Inventory, name: str, via: str) -> str:
    """Return what to type for a member of the Swarm to get another address there.

    Args:
        via: the manager that changes are made through, which leaves last.
    """
    if name != via:
        return (
            f"./skp.py docker.node-rm -h {name}, then ./skp.py docker.apply: it joins anew, and "
            "its data stays"
        )
    if len(inventory.managers) > 1:
        return (
            f"give the group master to another manager in {inventory.path}, "
            f"./skp.py docker.node-rm -h {name}, ./skp.py docker.swarm-join, and give it back"
        )
    return (
        "give the machine its old address beside the new one (ip address add), or make the Swarm "
        "anew: ./skp.py docker.swarm-leave, then docker.apply; data stays"
    )


def _addresses(cluster: Cluster, state: State) -> Iterator[str]:
    """Yield the nodes whose address in the Swarm, which stays, is not that of hosts.json."""
    inventory, via = cluster.inventory, state.swarm.via if state.swarm else ""
    for host in inventory.hosts:
        if host.name in state.unreachable:
            yield from _heard_elsewhere(host, inventory, state)
        if other := _known_at(host, state):
            yield (
                f"{host.name}: {inventory.path} says {host.ipv4}, the Swarm knows it as "
                f"{' and '.join(other)}, which can't be changed in place. If it has that address, "
                f"write that; if not: {rejoin(inventory, host.name, via or inventory.master.name)}"
            )
    yield from _dead_twins(state)


def _known_at(host: Host, state: State) -> list[str]:
    """Return the addresses other than its own at which the Swarm knows a node that answers."""
    if host.name not in state.nodes:
        return []
    member = state.nodes[host.name].membership
    entry = state.swarm.nodes.get(member.node_id) if state.swarm else None
    # (What managers see of a worker is where its connection comes from, which may be another.)
    raft = entry.address if entry and entry.role == "manager" else ""
    found = dict.fromkeys((member.address, raft))
    return [address for address in found if address not in ("", host.ipv4, ALL_IPV4)]


def _heard_elsewhere(host: Host, inventory: Inventory, state: State) -> Iterator[str]:
    addresses = {other.ipv4 for other in inventory.hosts}
    for entry in state.swarm.nodes.values() if state.swarm else ():
        same = entry.hostname.partition(".")[0] == host.name and entry.state == "ready"
        if same and entry.address and entry.address not in addresses:
            assert state.swarm is not None
            yield (
                f"{host.name}: it can't be reached at {host.ipv4}, and the Swarm hears of it at "
                f"{entry.address}. If that is its address now, write that into {inventory.path}, "
                f"and: {rejoin(inventory, host.name, state.swarm.via)}"
            )


def _dead_twins(state: State) -> Iterator[str]:
    """Yield the dead entries of nodes that have joined anew, at another address, beside them."""
    if state.swarm is None:
        return
    entries, via = state.swarm.nodes, state.swarm.via
    alive = {node.membership.node_id: node for node in state.nodes.values()}
    members = {node.hostname: node.name for i, node in alive.items() if i in entries}
    for entry in entries.values():
        if entry.state == "down" and entry.id not in alive and entry.hostname in members:
            first = f"docker node demote {entry.id} and " if entry.role == "manager" else ""
            yield (
                f"{members[entry.hostname]}: the Swarm has a second entry of this name, dead, at "
                f"{entry.address or 'no address'}. If that is no other machine: on {via}, "
                f"{first}docker node rm --force {entry.id}"
            )
