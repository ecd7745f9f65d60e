"""A small cluster of three nodes, and the plan of its containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster.config.secrets import Secret
from cluster.errors import NodeError
from cluster.model.decisions import Decisions
from cluster.model.spec import Container, Image, fingerprint
from cluster.model.state import FoundContainer, FoundNode, Membership, State, Swarm
from cluster.plan.containers import Rules, plan_containers

KEY = Secret("the cluster's key")
NODES = ("c01", "c02", "c03")
HOME = "/home/skp/skp/volume"
IMAGES = {Image("skp/a"): "sha256:aa", Image("skp/b"): "sha256:bb"}
NETWORK = "net-skp"


def created(container: Container, **changes: object) -> FoundContainer:
    """Return what is found after `container` was created."""
    described = container.described(IMAGES.get(container.image), KEY)
    found = FoundContainer(
        name=container.name,
        id=f"id-{container.node}-{container.name}",
        image=container.image.reference,
        status="running",
        service=container.service,
        spec=fingerprint(described, KEY),
        fields=described,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def state_of(found: Mapping[str, Sequence[FoundContainer]], off: Sequence[str] = ()) -> State:
    nodes = {
        name: FoundNode(
            name,
            name,
            "26",
            Membership("active", f"id-{name}", control=True),
            {c.name: c for c in found.get(name, ())},
            owner="1000:1000",
        )
        for name in NODES
        if name not in off
    }
    swarm = Swarm("c01", "s", {}, Decisions(), {NETWORK: "10.90.0.0/16"}, {}, ("c01",))
    return State(nodes, {name: NodeError(name, "off") for name in off}, swarm)


def plan(
    desired: Sequence[Container],
    state: State,
    services: Sequence[str] = ("a", "b"),
    images: Mapping[Image, str] = IMAGES,
    nodes: Sequence[str] = NODES,
) -> list[Any]:
    return plan_containers(
        desired,
        state,
        Rules(
            lambda c: images.get(c.image, ""),
            HOME,
            KEY,
            "c01",
            missing=lambda image: (f"there is no {image.name}", "build it"),
        ),
        services=services,
        nodes=nodes,
    )
