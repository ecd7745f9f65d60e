"""When a plan takes so much away that a person has to say yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cluster.model.item import Item
from cluster.model.policy import Busy
from cluster.model.state import FoundContainer, State
from cluster.operations.container import RemoveContainer
from cluster.plan.guard import confirmation
from tests.support.swarm_plans import INVENTORY, entry, member, state, swarm

OURS = {"skp.labels": ""}


def running(count: int) -> State:
    there = swarm(entry(1, "manager", **OURS), entry(2, "manager", **OURS), entry(3, "worker"))
    found = state(there, member(1, True), member(2, True), member(3))
    containers = {
        f"x{i}": FoundContainer(f"x{i}", f"id{i}", "i", "running", service="x")
        for i in range(count)
    }
    first = replace(found.nodes["c01"], containers=containers)
    return replace(found, nodes={**found.nodes, "c01": first})


def removals(count: int) -> Sequence[Item]:
    gone = [FoundContainer(f"x{i}", f"id{i}", "i", "running", service="x") for i in range(count)]
    return [RemoveContainer("c01", found.name, found, Busy.SKIP) for found in gone]


def test_few_removals_are_nothing_unusual() -> None:
    assert confirmation(INVENTORY, running(9), removals(3)) == ""
    assert confirmation(INVENTORY, running(1), removals(1)) == ""


def test_many_are_told_with_their_names() -> None:
    asked = confirmation(INVENTORY, running(5), removals(2))
    assert asked == "2 of 5 containers would be removed: x0 on c01, x1 on c01"


def test_nodes_of_ours_that_the_inventory_lost_are_told() -> None:
    less = replace(INVENTORY, hosts=INVENTORY.hosts[:1])
    found = running(0)
    there = replace(found, nodes={"c01": found.nodes["c01"]})
    assert confirmation(less, there, []) == "", "c02 is one of three: that may be meant"
    many = swarm(*(entry(n, "manager", **OURS) for n in (1, 2, 3)))
    asked = confirmation(less, replace(there, swarm=many), [])
    assert asked.startswith("c02, c03: in the Swarm, but no longer in hosts.json")


def test_strangers_in_the_swarm_are_no_loss_of_ours() -> None:
    less = replace(INVENTORY, hosts=INVENTORY.hosts[:1])
    found = running(0)
    many = swarm(entry(1, "manager", **OURS), entry(2, "worker"), entry(3, "worker"))
    alone = replace(found, nodes={"c01": found.nodes["c01"]}, swarm=many)
    assert confirmation(less, alone, []) == ""


def test_nodes_that_only_were_not_asked_are_not_lost() -> None:
    found = running(0)
    many = swarm(*(entry(n, "manager", **OURS) for n in (1, 2, 3)))
    assert confirmation(INVENTORY, replace(found, nodes={}, swarm=many), []) == ""
