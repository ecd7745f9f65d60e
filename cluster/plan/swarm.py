"""The items that make the Swarm, its roles and labels as hosts.json says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cluster.config.inventory import Host, Inventory
from cluster.model.item import Blocked, Deferred, Difference, Item, Keep, Kind
from cluster.model.state import DATA_PORT, LABEL_OWNED, FoundNode, State, Swarm, SwarmNode
from cluster.operations.swarm import SWARM_PORT, InitSwarm, JoinSwarm, SweepJoins, WaitForMember
from cluster.operations.swarm_entry import ActivateNode, DrainNode, SetLabels, SetRole
from cluster.plan.parts import Part

_LOCKED = "locked"  # a manager whose engine was started, in a Swarm with autolock


def plan_swarm(
    inventory: Inventory,
    state: State,
    parts: Iterable[Part],
    nodes: Iterable[str],
    data_port: int = DATA_PORT,
) -> list[Item]:
    """Return the items for the wanted `parts` on the given `nodes`.

    Args:
        data_port: the port of the overlay's packets in a Swarm that is begun.
    """
    parts, names = frozenset(parts), frozenset(nodes)
    chosen = [h for h in inventory.hosts if h.name in names and h.name in state.nodes]
    items: list[Item] = []
    if Part.INIT in parts and inventory.master.name in names:
        items.append(_init(inventory, state, data_port))
    # An engine that has just started still seeks a manager: until it has found one, no container
    # can be attached to an overlay network there.
    coming = [host for host in chosen if _is_coming(host, state)]
    items += [_coming(host) for host in coming]
    if Part.JOIN in parts:
        settled = [host for host in chosen if host not in coming]
        others = [host for host in settled if host != inventory.master or state.swarm]
        items += [_join(host, inventory, state) for host in others]
        items += _swept(state)
    if Part.LABEL in parts:
        items += [_label(host, state) for host in chosen]
    if Part.DRAIN in parts:
        items += [_drain(host, inventory, state) for host in chosen]
    if Part.UNDRAIN in parts:
        items += [_undrain(host, state) for host in chosen]
    return items


def drained(
    inventory: Inventory, state: State, parts: Iterable[Part], nodes: Iterable[str]
) -> frozenset[str]:
    """Return the names of the nodes that are drained, once the `parts` are done on `nodes`."""
    parts, names = frozenset(parts), frozenset(nodes)
    entries = {h.name: _entry(h, state) for h in inventory.hosts if h.name in state.nodes}
    now = {name for name, entry in entries.items() if entry and entry.drained}
    if Part.DRAIN in parts:
        now |= {name for name in names if entries.get(name) and name != inventory.master.name}
    return frozenset(now - names if Part.UNDRAIN in parts else now)


def _blocked(node: str, name: str, reason: str, hint: str = "") -> Item:
    return Blocked(Kind.SWARM, node, name, reason, hint)


def _deferred(node: str, name: str, reason: str, hint: str) -> Item:
    return Deferred(Kind.SWARM, node, name, reason, hint)


def _init(inventory: Inventory, state: State, data_port: int) -> Item:
    name = inventory.master.name
    if state.swarm:
        return Keep(Kind.SWARM, name, "swarm")
    if name in state.unreachable:
        return _blocked(name, "swarm", "the master can't be reached, and it begins the Swarm")
    members = [n.name for n in state.nodes.values() if n.membership.state != "inactive"]
    if locked := [n.name for n in state.nodes.values() if n.membership.state == _LOCKED]:
        what = f"{', '.join(locked)} in a Swarm that is locked since the engine started"
        return _blocked(name, "swarm", what, _unlock(locked[0]))
    if members:
        return _blocked(
            name,
            "swarm",
            f"{', '.join(members)} already in a Swarm that has no manager which answers",
            "Bring a majority of its managers back; a second Swarm is not begun beside it.",
        )
    if (master := state.nodes.get(name)) and master.unfit[0]:
        return _blocked(name, "swarm", *master.unfit)
    return InitSwarm(name, data_port)


def _is_coming(host: Host, state: State) -> bool:
    member = state.nodes[host.name].membership
    if state.swarm is None or member.state != "pending":
        return False
    return member.node_id in ("", *state.swarm.nodes)


def _coming(host: Host) -> Item:
    return WaitForMember(host.name, _role(host), _give_up(host.name))


def _role(host: Host) -> str:
    return "manager" if host.is_manager else "worker"


def _join(host: Host, inventory: Inventory, state: State) -> Item:
    node, role = state.nodes[host.name], _role(host)
    if state.swarm is None:
        return _deferred(host.name, role, "there is no Swarm yet", "./skp.py docker.swarm-init")
    if foreign := _foreign(node, state.swarm):
        return foreign
    if not node.membership.active and node.unfit[0]:
        return _blocked(host.name, role, *node.unfit)
    if not node.membership.active:
        stale = tuple(_left_behind(host, node, inventory, state))
        swarm = state.swarm
        managers = tuple(f"{inventory.host(m).ipv4}:{SWARM_PORT}" for m in swarm.managers)
        token = swarm.tokens[role]
        return JoinSwarm(host.name, role, swarm.via, managers, token, stale)
    found = state.swarm.nodes[node.membership.node_id].role
    if found == role:
        return Keep(Kind.SWARM, host.name, role)
    differences = (Difference("role", role, found),)
    return SetRole(host.name, role, node.membership.node_id, state.swarm.via, differences)


def _swept(state: State) -> list[Item]:
    """Return the removal of entries that interrupted joins left in the Swarm."""
    entries = state.swarm.nodes.values() if state.swarm else ()
    alive = {node.membership.node_id for node in state.nodes.values()}
    left = tuple(entry.id for entry in entries if entry.joining and entry.id not in alive)
    if state.swarm is None or not left:
        return []
    return [SweepJoins(state.swarm.via, left)]


def _left_behind(host: Host, node: FoundNode, inventory: Inventory, state: State) -> Iterator[str]:
    """Yield the ids of entries in the Swarm of a node that is outside of it since a reinstallation.

    They may still be "ready", since managers notice a loss only after some seconds. An entry at
    another address, or of a node that answers, is another machine's; but not one at the address of
    a node that answers by another name: then addresses were exchanged.
    """
    assert state.swarm is not None
    others = {h.ipv4: state.nodes[h.name] for h in inventory.hosts if h.name in state.nodes}
    alive = {other.membership.node_id for other in state.nodes.values()}
    for entry in state.swarm.nodes.values():
        owner = others.get(entry.address, node)
        here = entry.address == host.ipv4 or owner.hostname != node.hostname
        if entry.hostname == node.hostname and here and entry.id not in alive:
            yield entry.id


def _foreign(node: FoundNode, swarm: Swarm) -> Item | None:
    """Return the block for a node in another Swarm, or of unclear membership; None for others."""
    state = node.membership.state
    if state in ("pending", "error", _LOCKED):
        return _blocked(
            node.name,
            "member",
            f"its Swarm membership is {state}",
            _unlock(node.name) if state == _LOCKED else _give_up(node.name),
        )
    if node.membership.active and node.membership.node_id not in swarm.nodes:
        return _blocked(
            node.name,
            "member",
            f"it belongs to another Swarm than {swarm.via}",
            f"To take it over: ssh {node.name} docker swarm leave --force",
        )
    return None


def _unlock(node: str) -> str:
    return (
        f"Type: ssh -t {node} docker swarm unlock   It asks for the key, which docker swarm "
        "unlock-key shows on a manager that is not locked. Then the same command again."
    )


def _give_up(node: str) -> str:
    return (
        f"Look at it: ssh {node} docker info (is its address another than when it joined?). "
        f"./skp.py docker.node-rm -h {node} takes it out, docker.swarm-join has it join anew; "
        f"without a manager: ssh {node} docker swarm leave --force"
    )


def _label(host: Host, state: State) -> Item:
    entry, swarm = _entry(host, state), state.swarm
    if entry is None or swarm is None:
        return _deferred(
            host.name, "labels", "it is not in the Swarm", "./skp.py docker.swarm-join"
        )
    wanted = dict(host.labels)
    owned = {key for key in entry.labels.get(LABEL_OWNED, "").split(",") if key}
    labels = {k: v for k, v in entry.labels.items() if k not in owned and k != LABEL_OWNED}
    labels |= wanted
    labels[LABEL_OWNED] = ",".join(sorted(wanted))  # also "": that tells our nodes from others
    differences = tuple(
        Difference(key, labels.get(key), entry.labels.get(key))
        for key in {**entry.labels, **labels}
        if labels.get(key) != entry.labels.get(key) and key != LABEL_OWNED
    )
    if labels == entry.labels:
        return Keep(Kind.SWARM, host.name, "labels")
    return SetLabels(host.name, entry.id, swarm.via, labels[LABEL_OWNED], differences)


def _drain(host: Host, inventory: Inventory, state: State) -> Item:
    entry, swarm = _entry(host, state), state.swarm
    if entry is None or swarm is None:
        return _outside(host)
    if host == inventory.master:
        return _blocked(
            host.name,
            "availability",
            "the master's registry serves all nodes: it can't be drained",
            f"./skp.py docker.jupyter-rm --nodes {host.name} takes one service down there.",
        )
    if entry.drained:
        return Keep(Kind.SWARM, host.name, "availability")
    return DrainNode(host.name, entry.id, swarm.via)


def _undrain(host: Host, state: State) -> Item:
    entry, swarm = _entry(host, state), state.swarm
    if entry is None or swarm is None:
        return _outside(host)
    if not entry.drained:
        return Keep(Kind.SWARM, host.name, "availability")
    return ActivateNode(host.name, entry.id, swarm.via)


def _outside(host: Host) -> Item:
    hint = "./skp.py docker.swarm-join"
    return _blocked(host.name, "availability", "it is not in the Swarm", hint)


def _entry(host: Host, state: State) -> SwarmNode | None:
    known = state.swarm.nodes if state.swarm else {}
    return known.get(state.nodes[host.name].membership.node_id)
