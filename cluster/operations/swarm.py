"""Steps that change the Swarm: members, roles, labels, the overlay network."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import docker.errors
from docker.types import IPAMConfig, IPAMPool

from cluster.connectors.node import Node
from cluster.errors import DeadlineError, NodeError
from cluster.model.state import LABEL_OWNED, moment
from cluster.model.step import Action, Step
from cluster.operations.dispatch import Context, Performer

Change = Callable[[dict[str, Any]], None]
_PAUSE = 0.1  # seconds between two looks at something that is about to change
_SWARM_PORT = 2377
_JOINING = 10.0  # seconds; a join takes less than two until the managers know the node's name
# The engine's option for an overlay is the MTU below it; containers see that less VXLAN's 50 bytes.
_MTU, _VXLAN = "com.docker.network.driver.mtu", 50


def _init(context: Context, step: Step) -> str:
    node = context.fleet.nodes[step.node]
    with node.talking("beginning the Swarm", seconds=node.deadlines.swarm) as engine:
        engine.init_swarm(advertise_addr=node.host.ipv4)
    return ""


def _join(context: Context, step: Step) -> str:
    swarm = context.swarm
    via = context.fleet.nodes[swarm.via]
    for stale in step.stale:
        forget(via, stale)
    node = context.fleet.nodes[step.node]
    managers = [f"{context.inventory.host(name).ipv4}:{_SWARM_PORT}" for name in swarm.managers]
    with node.talking("joining the Swarm", seconds=node.deadlines.swarm) as engine:
        engine.join_swarm(
            remote_addrs=managers,
            join_token=swarm.tokens[step.role].reveal(),
            advertise_addr=node.host.ipv4,
        )
    return "after its dead entry was removed" if step.stale else ""


def _wait(context: Context, step: Step) -> str:
    """Wait until a member whose engine has just started has found the managers again."""
    node = context.fleet.nodes[step.node]
    end = time.monotonic() + node.deadlines.swarm
    with node.talking("waiting for it to come back into the Swarm") as engine:
        while (state := engine.info()["Swarm"]["LocalNodeState"]) != "active":
            if state != "pending" or time.monotonic() > end:
                raise NodeError(node.name, f"its Swarm membership stays {state}", step.hint)
            time.sleep(_PAUSE)
    return "it came back into the Swarm"


def demote(via: Node, node_id: str) -> None:
    """Make a manager a worker, as far as the other managers are concerned."""

    def change(spec: dict[str, Any]) -> None:
        spec["Role"] = "worker"

    _change_node(via, node_id, change)


def forget(via: Node, node_id: str) -> None:
    """Remove the entry of a machine that was reinstalled, has left, or never came to join.

    A manager is demoted first; but not one that never got into raft, which the engine refuses.
    """
    end = time.monotonic() + via.deadlines.swarm
    demoted = False
    with via.talking("removing a dead entry of the Swarm") as engine:
        while True:
            try:
                engine.remove_node(node_id, force=True)
                return
            except docker.errors.APIError:
                # A manager that was just demoted leaves raft first; until then it can't go.
                if time.monotonic() > end:
                    raise
            if not demoted:
                demote(via, node_id)
                demoted = True
            time.sleep(_PAUSE)


def _sweep(context: Context, step: Step) -> str:
    """Remove entries that have been silent for too long to be of joins that still go on."""
    via = context.fleet.nodes[step.node]
    for ident in step.stale:
        if _silent(via, ident):
            forget(via, ident)
    return ""


def _silent(via: Node, node_id: str) -> bool:
    """Wait until an entry is too old for a join; tell whether its node still has no name."""
    end = time.monotonic() + via.deadlines.swarm
    with via.talking("looking at an interrupted join") as engine:
        while time.monotonic() < end:
            entry, now = engine.inspect_node(node_id), engine.info()["SystemTime"]
            if entry["Description"].get("Hostname"):
                return False
            if moment(now) - moment(entry["CreatedAt"]) > _JOINING:
                return True
            time.sleep(_PAUSE)
    return False


def _label(context: Context, step: Step) -> str:
    def change(spec: dict[str, Any]) -> None:
        labels = dict(spec.get("Labels") or {})
        for difference in step.differences:
            if difference.wanted is None:
                labels.pop(difference.name, None)
            else:
                labels[difference.name] = str(difference.wanted)
        labels[LABEL_OWNED] = step.labels[LABEL_OWNED]
        spec["Labels"] = labels

    return _change(context, step, change)


def _role(context: Context, step: Step) -> str:
    def change(spec: dict[str, Any]) -> None:
        spec["Role"] = step.role

    return _change(context, step, change)


def _drain(context: Context, step: Step) -> str:
    return _set_availability(context, step, "drain")


def _activate(context: Context, step: Step) -> str:
    return _set_availability(context, step, "active")


def _set_availability(context: Context, step: Step, availability: str) -> str:
    def change(spec: dict[str, Any]) -> None:
        spec["Availability"] = availability

    return _change(context, step, change)


def _change(context: Context, step: Step, change: Change) -> str:
    via = context.fleet.nodes[context.swarm.via]
    node_id = context.state.nodes[step.node].membership.node_id
    attempts = _change_node(via, node_id, change)
    return f"written at attempt {attempts}" if attempts > 1 else ""


def _change_node(via: Node, node_id: str, change: Change) -> int:
    """Change a Swarm node's specification by compare-and-swap; return how often it was tried.

    A node that has just joined is still being written by the managers themselves; the engine then
    refuses with "update out of sequence". So: read again, and retry while the version moves.
    """
    end = time.monotonic() + via.deadlines.swarm
    with via.talking("changing a Swarm node") as engine:
        attempt = 1
        while True:
            current = engine.inspect_node(node_id)
            version, spec = current["Version"]["Index"], dict(current["Spec"])
            change(spec)
            try:
                engine.update_node(node_id, version, cast("Any", spec))
                return attempt
            except docker.errors.APIError:
                if engine.inspect_node(node_id)["Version"]["Index"] == version:
                    raise
            if time.monotonic() > end:
                raise DeadlineError(via.name, f"the entry of {node_id} does not come to rest")
            attempt += 1


def _network(context: Context, step: Step) -> str:
    node = context.fleet.nodes[step.node]
    subnet = context.settings.text("SKP_NET_SUBNET")
    underlay = _underlay(context)
    pools = [IPAMPool(subnet=subnet)] if subnet else []
    with node.talking(f"making the network {step.name}") as engine:
        engine.create_network(
            step.name,
            driver="overlay",
            attachable=True,
            ipam=IPAMConfig(pool_configs=pools),
            options={_MTU: str(underlay)},
            labels={"skp": "network"},
        )
    return f"{subnet}, MTU {underlay - _VXLAN}"


def _underlay(context: Context) -> int:
    """Return the MTU below the overlay: of the nodes' interfaces, the least; or as set.

    The engine's default takes 1500 for granted; where the nodes' network has less, large packets
    between containers would be lost without a word.
    """
    if given := context.settings.text("SKP_NET_MTU"):
        return int(given) + _VXLAN
    found = context.fleet.each(_mtu)
    return min(found.values.values(), default=1500)


def _mtu(node: Node) -> int:
    command = (
        f"cat /sys/class/net/$(ip -o -4 address show to {node.host.ipv4} "
        "| awk '{print $2; exit}')/mtu"
    )
    done = node.run(command)
    if done.exit_code != 0 or not done.text.isdigit():
        raise NodeError(node.name, f"no interface has {node.host.ipv4}: {done.complaint()}")
    return int(done.text)


PERFORMERS: Mapping[str, Performer] = {
    Action.INIT: _init,
    Action.JOIN: _join,
    Action.WAIT: _wait,
    Action.LABEL: _label,
    Action.ROLE: _role,
    Action.DRAIN: _drain,
    Action.ACTIVATE: _activate,
    Action.REMOVE: _sweep,
}
NETWORK: Mapping[str, Performer] = {Action.CREATE: _network}
