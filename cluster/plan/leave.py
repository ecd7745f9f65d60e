"""Pure: the steps that take nodes out of the Swarm: workers first, managers one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.config.inventory import Host, Inventory
from cluster.model.spec import NodeFile
from cluster.model.state import State, Swarm, SwarmNode
from cluster.model.step import Action, Kind, Step


def plan_leave(
    inventory: Inventory, state: State, nodes: Sequence[str], files: Sequence[NodeFile] = ()
) -> list[Step]:
    """Return the steps: drain, remove what is ours, leave. Data stays where it is.

    The manager that is asked for every change, the master as a rule, leaves last, and only when no
    other member stays.
    A node that is gone for good loses its entry.

    Args:
        files: what a member has on its own disk; it goes with the membership.
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
    steps = [step for host in members for step in _drained(host, state, files)]
    return steps + [
        _leave(host, state, entries[host.name], turn) for turn, host in _ordered(members, last)
    ]


def _impossible(inventory: Inventory, state: State, nodes: Iterable[str]) -> list[Step]:
    master = inventory.master.name
    if master in state.unreachable:
        return [_blocked(master, "the master can't be reached, and it is asked to let nodes go")]
    active = [n for n in nodes if n in state.nodes and state.nodes[n].membership.active]
    if active:
        return [_blocked(n, "it is in a Swarm that the master is not a manager of") for n in active]
    return [Step(Kind.LEAVE, Action.KEEP, name, "swarm") for name in nodes if name in state.nodes]


def _blocked(node: str, reason: str, hint: str = "") -> Step:
    return Step(Kind.LEAVE, Action.BLOCK, node, "swarm", reason=reason, hint=hint)


def _entry(host: Host, state: State, swarm: Swarm) -> SwarmNode | None:
    """Return the Swarm's entry of a host; of one that can't be reached, by name or address."""
    if host.name in state.nodes:
        return swarm.nodes.get(state.nodes[host.name].membership.node_id)
    known = {node.membership.node_id for node in state.nodes.values()}
    for entry in swarm.nodes.values():
        if entry.id not in known and (entry.hostname == host.name or entry.address == host.ipv4):
            return entry
    return None


def _drained(host: Host, state: State, files: Sequence[NodeFile]) -> list[Step]:
    if host.name not in state.nodes:
        return []
    node = state.nodes[host.name]
    ours = [c for c in node.containers.values() if c.service]
    there = [file for file in files if node.files.get(file.path)]
    return [
        Step(Kind.SWARM, Action.DRAIN, host.name, "drain"),
        *(Step(Kind.FILE, Action.REMOVE, host.name, file.path, file=file) for file in there),
        *(Step(Kind.CONTAINER, Action.REMOVE, host.name, c.name, found=c) for c in ours),
    ]


def _ordered(members: Iterable[Host], last: Host) -> list[tuple[int, Host]]:
    """Return the hosts with their turn: the first for all workers, then each manager's own."""
    members = list(members)
    managers = [h for h in members if h.is_manager]
    managers.sort(key=lambda host: host == last)
    workers = [(1, host) for host in members if not host.is_manager]
    return workers + list(enumerate(managers, 2))


def _leave(host: Host, state: State, entry: SwarmNode | None, turn: int) -> Step:
    assert entry is not None  # it is a member
    if host.name not in state.nodes and entry.state != "down":
        return _blocked(host.name, "it can't be reached, but the Swarm still hears of it")
    return Step(
        Kind.LEAVE, Action.LEAVE, host.name, "swarm", role=entry.role, stale=(entry.id,),
        turn=turn,
    )  # fmt: skip
