"""The state of all nodes: each is asked once, in parallel, for all that a plan needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import docker.errors

from cluster.connectors.bounded import StrangeError
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.deadlines import Deadline
from cluster.errors import BrokenError, NodeError
from cluster.facts import container_labels
from cluster.facts.disk import Question, disk
from cluster.facts.engine_kind import engine_unfit
from cluster.facts.registry import Registry
from cluster.facts.swarm import swarm_of
from cluster.facts.told import (
    flag,
    keys,
    labels,
    number_or,
    parts,
    seconds,
    text,
    text_or,
)
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
    FoundContainer,
    FoundNode,
    Health,
    Membership,
    State,
    Swarm,
)

_MIXED = "(were addresses exchanged? docs/guide.md, Addresses)"
_TASK = "com.docker.swarm.task.id"
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
    if swarm:
        swarm.decisions.checked()
    strange = _strangers(fleet, found.values, swarm)
    there = {name: node for name, node in found.values.items() if name not in strange}
    return State(there, {**fleet.unreachable, **found.errors, **strange}, swarm, leaderless)


def _strangers(
    fleet: Fleet, found: Mapping[str, FoundNode], swarm: Swarm | None
) -> dict[str, NodeError]:
    """Return the nodes that say they are the Swarm's member at another node's address."""
    owners = {host.ipv4: host.name for host in fleet.hosts}
    entries = swarm.nodes if swarm else {}
    strange = {}
    for name, node in found.items():
        entry = entries.get(node.membership.node_id)
        owner = owners.get(entry.address, name) if entry else name
        if entry and owner != name:
            what = f"it says that it is the Swarm's member {entry.id[:12]}, which is {owner}"
            strange[name] = NodeError(name, what, f"Look at it: ssh {name} docker info {_MIXED}")
    return strange


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
    # (Any node may say that it is a manager; the inventory says which ones are believed.)
    trusted = {host.name for host in fleet.hosts if host.is_manager}
    managers = [n.name for n in found.values() if n.membership.control and n.name in trusted]
    first = [name for name in managers if name == master] or managers[:1]
    believed = {name: found[name] for name in managers}
    error: NodeError | None = None
    for names in (first, [name for name in managers if name not in first]):
        asked = fleet.each(lambda node: swarm_of(node, believed), names)
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
            told = _told(node.name, info, now)
        found = {image: identity for image in streamed if (identity := identify(node, image))}
        there = containers(node)
        found |= asking.result()
        seen = looking.result()
    return replace(
        told,
        containers=there,
        owner=seen.owner,
        images=found,
        secrets=seen.secrets,
        files=seen.files,
        marker_files=seen.marker_files,
        unread=seen.unread,
        gpus=seen.gpus,
        trees=seen.trees,
        login=seen.login,
    )


def _told(name: str, info: Mapping[str, Any], now: float) -> FoundNode:
    """Return what an engine says of its node at the time `now` of this machine."""
    return FoundNode(
        name=name,
        hostname=text(info, "Name"),
        engine_version=text(info, "ServerVersion"),
        membership=Membership(
            text(info, "Swarm", "LocalNodeState"),
            text(info, "Swarm", "NodeID"),
            flag(info, "Swarm", "ControlAvailable"),
            text_or("", info, "Swarm", "NodeAddr"),
        ),
        containers={},
        clock=seconds(info, "SystemTime") - now,
        memory=number_or(0, info, "MemTotal"),
        runtimes=keys(info, "Runtimes"),
        unfit=engine_unfit(info),
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
                return text(asked, "Descriptor", "digest")
            return text(engine.inspect_image(image.reference), "Id")
        except docker.errors.APIError:
            return ""  # no such image, or no registry yet: the plan has what brings it


def found_container(inspected: Mapping[str, Any], listed: Mapping[str, Any]) -> FoundContainer:
    """Return a container as the engine's answers describe it, inspected and listed."""
    told = labels(inspected, "Config", "Labels")
    if _TASK in told:
        # Of the Swarm, so of users: what their image says of itself is not what we said of one.
        told = {}
    return FoundContainer(
        name=text(inspected, "Name").lstrip("/"),
        id=text(inspected, "Id"),
        image=text(inspected, "Config", "Image"),
        status=text(inspected, "State", "Status"),
        service=told.get(LABEL_SERVICE),
        spec=told.get(LABEL_SPEC, ""),
        fields=container_labels.described(told.get(LABEL_FIELDS, "{}")),
        health=_health(inspected),
        started=text(inspected, "State", "StartedAt"),
        previous=told.get(LABEL_PREVIOUS, ""),
        busy=container_labels.words(told, LABEL_BUSY),
        ready_check=container_labels.words(told, LABEL_READY_CHECK),
        removal_check=container_labels.words(told, LABEL_REMOVAL_CHECK),
        after=container_labels.words(told, LABEL_AFTER),
        probe_output=_probe_output(inspected),
        ports=_ports(listed),
        networks=keys(inspected, "NetworkSettings", "Networks"),
    )


def _health(inspected: Mapping[str, Any]) -> Health:
    said = text_or("none", inspected, "State", "Health", "Status")
    try:
        return Health(said)
    except ValueError:
        raise StrangeError(f"State.Health.Status: {said!r:.60}") from None


def _probe_output(inspected: Mapping[str, Any]) -> str:
    log = parts(inspected, "State", "Health", "Log") or [{}]
    return text_or("", log[-1], "Output").strip()


def _ports(listed: Mapping[str, Any]) -> tuple[str, ...]:
    every = [(number_or(0, port, "PublicPort"), port) for port in parts(listed, "Ports")]
    return tuple(sorted({f"{number}/{text(port, 'Type')}" for number, port in every if number}))
