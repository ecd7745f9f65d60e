"""The items that take nodes out of the Swarm: workers first, managers one by one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.config.inventory import Host, Inventory
from cluster.model.files import NodeFile
from cluster.model.item import Blocked, Item, Keep, Kind
from cluster.model.policy import Busy
from cluster.model.state import State, Swarm, SwarmNode
from cluster.operations.container import RemoveContainer
from cluster.operations.files import RemoveFile
from cluster.operations.leave import ForgetNode, LeaveSwarm
from cluster.operations.swarm_entry import DrainNode

_LOST = ("error", "inactive")  # states of a membership in which a node may not tell its entry


def plan_leave(
    inventory: Inventory, state: State, nodes: Sequence[str], files: Sequence[NodeFile] = ()
) -> list[Item]:
    """Return the items: drain each node, remove what is ours, leave. Data stays where it is.

    The manager that makes the changes, normally the master, leaves last, and only when no other
    member stays. For a node that can't be reached and is down, its entry is removed.

    Args:
        nodes: the names of those that are to leave.
        files: the files that members have on their own disks; they are removed too.
    """
    swarm = state.swarm
    if swarm is None:
        return _impossible(inventory, state, nodes)
    last = inventory.host(swarm.via)
    hosts = [host for host in inventory.hosts if host.name in nodes]
    entries = {host.name: _entry(host, state, swarm) for host in hosts}
    members = [host for host in hosts if entries[host.name] is not None]
    staying = sum(not entry.joining for entry in swarm.nodes.values()) - len(members)
    if last in members and staying:
        return [
            _blocked(
                last.name,
                f"the master leaves last, and {staying} other member(s) would stay",
                "Leave --nodes out, or the master out of it.",
            )
        ]
    items = [
        i for h in members if (e := entries[h.name]) for i in _drained(h, state, e, swarm, files)
    ]
    return items + [
        _leave(host, state, entry, swarm.via, order)
        for order, host in _ordered(members, last)
        if (entry := entries[host.name])
    ]


def _impossible(inventory: Inventory, state: State, nodes: Iterable[str]) -> list[Item]:
    master = inventory.master.name
    if master in state.unreachable:
        return [_blocked(master, "the master can't be reached, and it is asked to let nodes go")]
    active = [n for n in nodes if n in state.nodes and state.nodes[n].membership.active]
    if active:
        return [_blocked(n, "it is in a Swarm that the master is not a manager of") for n in active]
    return [Keep(Kind.LEAVE, name, "swarm") for name in nodes if name in state.nodes]


def _blocked(node: str, reason: str, hint: str = "") -> Item:
    return Blocked(Kind.LEAVE, node, "swarm", reason, hint)


def _entry(host: Host, state: State, swarm: Swarm) -> SwarmNode | None:
    """Return the Swarm's entry of a host.

    It is found by name or address where the host can't be reached, or no longer knows its own: its
    engine could not begin again (its address is gone, say), or it has left by itself.
    """
    node = state.nodes.get(host.name)
    if node and node.membership.state not in _LOST:
        return swarm.nodes.get(node.membership.node_id)
    names = {host.name, node.hostname} if node else {host.name}
    known = {other.membership.node_id for other in state.nodes.values() if other != node}
    for entry in swarm.nodes.values():
        if entry.id not in known and (entry.hostname in names or entry.address == host.ipv4):
            return entry
    return None


def _drained(
    host: Host, state: State, entry: SwarmNode, swarm: Swarm, files: Sequence[NodeFile]
) -> list[Item]:
    if host.name not in state.nodes:
        return []
    node = state.nodes[host.name]
    ours = [c for c in node.containers.values() if c.service]
    there = [file for file in files if node.files.get(file.path)]
    return [
        DrainNode(host.name, entry.id, swarm.via, "drain"),
        *(RemoveFile(host.name, file) for file in there),
        # The person asked for everything there to be removed, whether it is at work or not.
        *(RemoveContainer(host.name, c.name, c, Busy.REPLACE) for c in ours),
    ]


def _ordered(members: Iterable[Host], last: Host) -> list[tuple[int, Host]]:
    """Return the hosts with their order: 1 for all workers, and an own one for each manager."""
    members = list(members)
    managers = [h for h in members if h.is_manager]
    managers.sort(key=lambda host: host == last)
    workers = [(1, host) for host in members if not host.is_manager]
    return workers + list(enumerate(managers, 2))


def _leave(host: Host, state: State, entry: SwarmNode, via: str, order: int) -> Item:
    if host.name in state.nodes and state.nodes[host.name].membership.state != "inactive":
        return LeaveSwarm(host.name, entry.id, entry.role, via, order)
    if entry.state != "down":
        return _blocked(
            host.name,
            "it can't be reached as its member, but the Swarm still hears of it",
            "See why it does not answer; or switch it off, and type this again once the Swarm "
            "counts it as down (docker node ls).",
        )
    return ForgetNode(host.name, entry.id, via, order)
