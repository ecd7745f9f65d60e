"""Asking every node once, in parallel, for all that the plan needs to know."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import docker.errors

from cluster.fleet import Fleet
from cluster.node import Node
from cluster.plan_files import answer, question
from cluster.secrets import Secret
from cluster.spec import Image, NodeFile, Source
from cluster.state import (
    LABEL_FIELDS,
    LABEL_HELD,
    LABEL_SERVICE,
    LABEL_SPEC,
    FoundContainer,
    FoundNode,
    Health,
    Membership,
    State,
    Swarm,
    SwarmNode,
)


def observe(
    fleet: Fleet,
    master: str,
    home: str,
    images: Mapping[str, Iterable[Image]],
    files: Sequence[NodeFile] = (),
) -> State:
    """Return the state of all nodes of `fleet`.

    Args:
        fleet: the connected nodes.
        master: the node whose Swarm is ours, if it is a manager of one.
        home: the shared folder whose owner is wanted.
        images: per node name, the images whose ids or digests are wanted.
        files: the files that every node is to have on its own disk.
    """
    found = fleet.each(lambda node: _node(node, home, images.get(node.name, ()), files))
    managers = [node.name for node in found.values.values() if node.membership.control]
    managers.sort(key=lambda name: name != master)
    swarm = None
    errors = dict(found.errors)
    for name in managers:
        asked = fleet.each(lambda node: _swarm(node, found.values), [name])
        errors |= asked.errors
        if name in asked.values:
            swarm = asked.values[name]
            break
    # A manager that answers for itself but not for the Swarm (no quorum) is not to be planned on.
    nodes = {name: node for name, node in found.values.items() if name not in errors}
    return State(nodes, {**fleet.unreachable, **errors}, swarm)


def _node(node: Node, home: str, images: Iterable[Image], files: Sequence[NodeFile]) -> FoundNode:
    with node.talking("reading its state") as engine:
        asked = time.time()
        info = engine.info()
        now = (asked + time.time()) / 2
        found = {image: identity for image in images if (identity := identify(node, image))}
    looked = node.run(f"stat -c owner:%u:%g -- {shlex.quote(home)}\n{question(files)}")
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
        containers=containers(node),
        owner=_owner(looked.text),
        images=found,
        clock=_seconds(info["SystemTime"]) - now,
        files=answer(looked.text),
    )


def _owner(text: str) -> str:
    found = [line for line in text.splitlines() if line.startswith("owner:")]
    return found[0].removeprefix("owner:") if found else ""


def _seconds(moment: str) -> float:
    """Return an engine's time (RFC 3339, nanoseconds) as seconds since the epoch."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", moment)).timestamp()


def containers(node: Node) -> dict[str, FoundContainer]:
    """Return all containers of `node` by name, running or not, ours or not."""
    found: dict[str, FoundContainer] = {}
    with node.talking("reading its containers") as engine:
        for item in engine.containers(all=True):
            try:
                container = _container(engine.inspect_container(item["Id"]), item)
            except docker.errors.NotFound:
                continue  # it went between the two requests
            found[container.name] = container
    return found


def identify(node: Node, image: Image) -> str:
    """Return what tells this image from others of its name on `node`; "" when there is none.

    For a registry image that is the digest of its manifest, asked by the node's engine from the
    node's own registry; for a streamed one the id in the node's engine.
    """
    with node.talking(f"looking for {image.reference}") as engine:
        try:
            if image.source is Source.REGISTRY:
                asked = engine.inspect_distribution(image.reference)
                return str(asked["Descriptor"]["digest"])
            return str(engine.inspect_image(image.reference)["Id"])
        except docker.errors.APIError:
            return ""  # no such image, or no registry yet: the plan says which step brings it


def _container(inspected: Mapping[str, Any], listed: Mapping[str, Any]) -> FoundContainer:
    labels = inspected["Config"].get("Labels") or {}
    state = inspected["State"]
    try:
        described = json.loads(labels.get(LABEL_FIELDS, "{}"))
    except json.JSONDecodeError:
        described = {}
    ports = sorted({_port(port) for port in listed.get("Ports") or [] if port.get("PublicPort")})
    return FoundContainer(
        name=inspected["Name"].lstrip("/"),
        id=inspected["Id"],
        image=inspected["Config"]["Image"],
        status=state["Status"],
        service=labels.get(LABEL_SERVICE),
        spec=labels.get(LABEL_SPEC, ""),
        fields=described,
        health=Health((state.get("Health") or {}).get("Status", "none")),
        started=state["StartedAt"],
        ports=tuple(ports),
    )


def _port(port: Mapping[str, Any]) -> str:
    return f"{port['PublicPort']}/{port['Type']}"


def _swarm(node: Node, found: Mapping[str, FoundNode]) -> Swarm:
    with node.talking("reading the Swarm") as engine:
        swarm = engine.inspect_swarm()
        nodes = {item["ID"]: _swarm_node(item) for item in engine.nodes()}
        networks = engine.networks(filters={"driver": "overlay"})
    held = (swarm["Spec"].get("Labels") or {}).get(LABEL_HELD, "")
    managers = [n for n in found.values() if n.membership.control]
    return Swarm(
        via=node.name,
        id=swarm["ID"],
        nodes=nodes,
        held=frozenset(held.split(",")) - {""},
        networks={item["Name"]: _subnet(item) for item in networks if item["Attachable"]},
        tokens={
            "manager": Secret(swarm["JoinTokens"]["Manager"]),
            "worker": Secret(swarm["JoinTokens"]["Worker"]),
        },
        managers=tuple(n.name for n in managers if n.membership.node_id in nodes),
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
        address=manager.get("Addr", "").rpartition(":")[0] or item["Status"].get("Addr", ""),
    )
