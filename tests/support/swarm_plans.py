"""A Swarm of three nodes, in whatever state, and the plan of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.config.inventory import Host, Inventory
from cluster.config.secrets import Secret
from cluster.errors import NodeError
from cluster.model.decisions import Decisions
from cluster.model.state import FoundNode, Membership, State, Swarm, SwarmNode
from cluster.plan.parts import Part
from cluster.plan.swarm import plan_swarm

INVENTORY = Inventory(
    Path("hosts.json"),
    (
        Host("c01", "10.0.0.1", (("jupyter", "enable"),), frozenset({"master", "manager"})),
        Host("c02", "10.0.0.2", (), frozenset({"manager"})),
        Host("c03", "10.0.0.3", (), frozenset({"worker"})),
    ),
)
OUTSIDE = Membership()
TOKENS = {"manager": Secret("let-me-rule"), "worker": Secret("let-me-in")}


def member(number: int, control: bool = False) -> Membership:
    return Membership("active", f"id{number}", control)


def found(name: str, membership: Membership) -> FoundNode:
    return FoundNode(name, name, "26", membership, {})


def entry(number: int, role: str, state: str = "ready", **labels: str) -> SwarmNode:
    return SwarmNode(f"id{number}", f"c0{number}", role, state, labels, address=f"10.0.0.{number}")


def swarm(*nodes: SwarmNode, networks: dict[str, str] | None = None) -> Swarm:
    return Swarm(
        "c01", "swarm", {n.id: n for n in nodes}, Decisions(), networks or {}, TOKENS, ("c01",)
    )


def state(s: Swarm | None, *memberships: Membership, off: tuple[str, ...] = ()) -> State:
    names = [name for name in ("c01", "c02", "c03") if name not in off]
    nodes = {n: found(n, m) for n, m in zip(names, memberships, strict=True)}
    return State(nodes, {name: NodeError(name, "off") for name in off}, s)


def plan(state: State, *parts: Part) -> list[Any]:
    return plan_swarm(INVENTORY, state, parts, INVENTORY.names)


def actions(steps: list[Any]) -> list[tuple[str, str, str]]:
    return [(step.node, step.action, step.name) for step in steps]


def unnamed(number: int, role: str = "worker") -> SwarmNode:
    """An entry whose node was let in and has never been heard of."""
    return SwarmNode(f"id{number}", "", role, "unknown", {})
