"""The state of all nodes: each is asked once, in parallel, for all that a plan needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker.errors

from cluster.config.secrets import Secret
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.deadlines import Deadline
from cluster.errors import BrokenError, NodeError
from cluster.facts import container_labels
from cluster.facts.disk import Question, disk
from cluster.facts.registry import Registry
from cluster.model.decisions import Decisions
from cluster.model.spec import Image, Source
from cluster.model.state import (
    LABEL_AFTER,
    LABEL_BUSY,
    LABEL_FIELDS,
    LABEL_PREVIOUS,
    LABEL_READY_CHECK,
    LABEL_REMOVAL_CHECK,
    LABEL_SERVICE,
    LABEL_SPEC,
    OPTION_ENCRYPTED,
    FoundContainer,
    FoundNode,
    Health,
    Membership,
    State,
    Swarm,
    SwarmNode,
    moment,
)

_PAUSE = 1.0  # seconds between two tries while managers elect a leader


def observe(
    fleet: Fleet,
    master: str,
    question: Question,
    images: Mapping[str, Iterable[Image]],
) -> State:
    """Return the state of all nodes of `fleet`.

    While the Swarm has no leader, all are asked again, as long as enough managers answer to elect
    one and the deadline `swarm` has not passed.

    Args:
        fleet: the connected nodes.
        master: the node whose Swarm is ours, if it is a manager of one.
        question: what is asked of the nodes' own disks.
        images: by node, the images whose ids or digests are wanted.
    """
    deadline = Deadline(fleet.deadlines.swarm)
    while True:
        found = _look(fleet, lambda node: _node(node, question, images.get(node.name, ())))
        swarm, leaderless = _ask_managers(fleet, master, found.values)
        if swarm or deadline.passed or not _can_elect(fleet, found.values):
            break
        time.sleep(_PAUSE)
    return State(found.values, {**fleet.unreachable, **found.errors}, swarm, leaderless)


def _look(fleet: Fleet, question: Callable[[Node], FoundNode]) -> Results[FoundNode]:
    """Ask all nodes, and those whose connections broke meanwhile once more, by new connections."""
    found = fleet.each(question)
    broken = [name for name, error in found.errors.items() if isinstance(error, BrokenError)]
    if not broken:
        return found
    fleet.reconnect(broken)
    again = fleet.each(question, broken)
    kept = {name: error for name, error in found.errors.items() if name not in broken}
    return Results({**found.values, **again.values}, {**kept, **again.errors})


def _can_elect(fleet: Fleet, found: Mapping[str, FoundNode]) -> bool:
    """Whether a majority of the managers answers: it elects a leader within seconds."""
    managers = [host.name for host in fleet.hosts if host.is_manager]
    there = [name for name in managers if name in found and found[name].membership.within]
    return 2 * len(there) > len(managers)


def _ask_managers(
    fleet: Fleet, master: str, found: Mapping[str, FoundNode]
) -> tuple[Swarm | None, NodeError | None]:
    """Ask the master about the Swarm; if it fails, all other managers at once.

    A manager without a quorum answers requests about itself, and those about the Swarm with an
    error, which is returned when no manager can answer.
    """
    managers = [node.name for node in found.values() if node.membership.control]
    first = [name for name in managers if name == master] or managers[:1]
    error: NodeError | None = None
    for names in (first, [name for name in managers if name not in first]):
        asked = fleet.each(lambda node: _swarm(node, found), names)
        if asked.values:
            return next(iter(asked.values.values())), None
        error = error or next(iter(asked.errors.values()), None)
    return None, error


def _node(node: Node, question: Question, images: Iterable[Image]) -> FoundNode:
    served = [image for image in images if image.source is Source.REGISTRY]
    streamed = [image for image in images if image.source is Source.STREAM]
    # The commands take longer than the requests to the engine, so they run beside these.
    with ThreadPoolExecutor(2) as beside:
        looking = beside.submit(disk, node, question)
        asking = beside.submit(Registry(node).identify, served)
        with node.talking("reading its state") as engine:
            asked = time.time()
            info = engine.info()
            now = (asked + time.time()) / 2
        found = {image: identity for image in streamed if (identity := identify(node, image))}
        there = containers(node)
        found |= asking.result()
        seen = looking.result()
    swarm = info["Swarm"]
    return FoundNode(
        name=node.name,
        hostname=info["Name"],
        engine_version=info["ServerVersion"],
        membership=Membership(
            swarm["LocalNodeState"],
            swarm["NodeID"],
            swarm["ControlAvailable"],
            swarm.get("NodeAddr", ""),
        ),
        containers=there,
        owner=seen.owner,
        images=found,
        clock=moment(info["SystemTime"]) - now,
        secrets=seen.secrets,
        files=seen.files,
        marker_files=seen.marker_files,
        unread=seen.unread,
        memory=info.get("MemTotal", 0),
        gpus=seen.gpus,
        trees=seen.trees,
        login=seen.login,
        runtimes=frozenset(info.get("Runtimes") or {}),
    )


def containers(node: Node) -> dict[str, FoundContainer]:
    """Return all containers of `node` by name, running or not, ours or not."""
    with node.talking("reading its containers") as engine:
        found = [found_container(inspected, listed) for inspected, listed in engine.inspected()]
    return {container.name: container for container in found}


def identify(node: Node, image: Image) -> str:
    """Return the identity of `image` on `node`; "" when the node does not have it.

    For an image of the registry it is the manifest's digest, which the node's engine asks of the
    node's own registry; for a streamed one it is the id in the node's engine.
    """
    with node.talking(f"looking for {image.reference}") as engine:
        try:
            if image.source is Source.REGISTRY:
                asked = engine.inspect_distribution(image.reference)
                return str(asked["Descriptor"]["digest"])
            return str(engine.inspect_image(image.reference)["Id"])
        except docker.errors.APIError:
            return ""  # no such image, or no registry yet: the plan has what brings it


def found_container(inspected: Mapping[str, Any], listed: Mapping[str, Any]) -> FoundContainer:
    """Return a container as the engine's answers describe it, inspected and listed."""
    labels = inspected["Config"].get("Labels") or {}
    state = inspected["State"]
    ports = sorted({_port(port) for port in listed.get("Ports") or [] if port.get("PublicPort")})
    return FoundContainer(
        name=inspected["Name"].lstrip("/"),
        id=inspected["Id"],
        image=inspected["Config"]["Image"],
        status=state["Status"],
        service=labels.get(LABEL_SERVICE),
        spec=labels.get(LABEL_SPEC, ""),
        fields=container_labels.described(labels.get(LABEL_FIELDS, "{}")),
        health=Health((state.get("Health") or {}).get("Status", "none")),
        started=state["StartedAt"],
        previous=labels.get(LABEL_PREVIOUS, ""),
        busy=container_labels.words(labels, LABEL_BUSY),
        ready_check=container_labels.words(labels, LABEL_READY_CHECK),
        removal_check=container_labels.words(labels, LABEL_REMOVAL_CHECK),
        after=container_labels.words(labels, LABEL_AFTER),
        probe_output=_probe_output(state),
        ports=tuple(ports),
    )


def _probe_output(state: Mapping[str, Any]) -> str:
    log = (state.get("Health") or {}).get("Log") or [{}]
    return str(log[-1].get("Output", "")).strip()


def _port(port: Mapping[str, Any]) -> str:
    return f"{port['PublicPort']}/{port['Type']}"


def _swarm(node: Node, found: Mapping[str, FoundNode]) -> Swarm:
    with node.talking("reading the Swarm") as engine:
        swarm = engine.inspect_swarm()
        nodes = {item["ID"]: _swarm_node(item) for item in engine.nodes()}
        networks = engine.networks(filters={"driver": "overlay"})
    managers = [n for n in found.values() if n.membership.control]
    return Swarm(
        via=node.name,
        id=swarm["ID"],
        nodes=nodes,
        decisions=Decisions.parse(swarm["Spec"].get("Labels") or {}),
        networks={item["Name"]: _subnet(item) for item in networks if item["Attachable"]},
        tokens={
            "manager": Secret(swarm["JoinTokens"]["Manager"]),
            "worker": Secret(swarm["JoinTokens"]["Worker"]),
        },
        managers=tuple(n.name for n in managers if n.membership.node_id in nodes),
        encrypted=frozenset(
            n["Name"] for n in networks if OPTION_ENCRYPTED in (n.get("Options") or {})
        ),
    )


def _subnet(network: Mapping[str, Any]) -> str:
    config = (network.get("IPAM") or {}).get("Config") or [{}]
    return str(config[0].get("Subnet", ""))


def _swarm_node(item: Mapping[str, Any]) -> SwarmNode:
    manager = item.get("ManagerStatus") or {}
    return SwarmNode(
        id=item["ID"],
        hostname=item["Description"].get("Hostname", ""),
        role=item["Spec"]["Role"],
        state=item["Status"]["State"],
        labels=item["Spec"].get("Labels") or {},
        leader=manager.get("Leader", False),
        drained=item["Spec"]["Availability"] == "drain",
        address=manager.get("Addr", "").rpartition(":")[0] or item["Status"].get("Addr", ""),
    )
