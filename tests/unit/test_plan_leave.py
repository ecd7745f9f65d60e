"""Who leaves the Swarm, and in which order."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from cluster.commands.leave_check import block_unsafe_leaves
from cluster.model.files import NodeFile
from cluster.model.item import Action, Blocked
from cluster.model.order import waves
from cluster.model.policy import Busy
from cluster.model.state import FoundContainer, Membership, State
from cluster.operations.files import RemoveFile
from cluster.operations.leave import ForgetNode
from cluster.plan.leave import plan_leave
from tests.support.swarm_plans import INVENTORY, OUTSIDE, entry, member, state, swarm, unnamed

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet

ALL = ("c01", "c02", "c03")
SWARM = swarm(entry(1, "manager"), entry(2, "manager"), entry(3, "worker"))
OURS = FoundContainer("registry-skp", "x", "i", "running", service="registry")
THEIRS = FoundContainer("theirs", "y", "i", "running")


def whole() -> State:
    found = state(SWARM, member(1, True), member(2, True), member(3))
    both = {c.name: c for c in (OURS, THEIRS)}
    nodes = {name: replace(node, containers=both) for name, node in found.nodes.items()}
    return replace(found, nodes=nodes)


def order(steps: list[Any]) -> list[list[str]]:
    return [[f"{s.action} {s.node}" for s in wave] for wave in waves(steps)]


def test_workers_go_first_then_managers_one_by_one_and_the_master_last() -> None:
    assert order(plan_leave(INVENTORY, whole(), ALL)) == [
        ["drain c01", "drain c02", "drain c03"],
        ["remove c01", "remove c02", "remove c03"],
        ["leave c03"],
        ["leave c02"],
        ["leave c01"],
    ]


def test_what_is_not_ours_stays() -> None:
    removed = [s.name for s in plan_leave(INVENTORY, whole(), ALL) if s.action is Action.REMOVE]
    assert set(removed) == {"registry-skp"}


def test_what_a_node_has_of_us_on_its_own_disk_goes_with_it() -> None:
    there, absent = NodeFile("/usr/lib/there", "x"), NodeFile("/usr/lib/absent", "x")
    found = whole()
    node = replace(found.nodes["c02"], files={there.path: "755 0 x", absent.path: ""})
    found = replace(found, nodes={**found.nodes, "c02": node})
    steps = plan_leave(INVENTORY, found, ALL, (there, absent))
    assert [s for s in steps if isinstance(s, RemoveFile)] == [RemoveFile("c02", there)]


def test_one_node_alone() -> None:
    assert order(plan_leave(INVENTORY, whole(), ("c02",))) == [
        ["drain c02"], ["remove c02"], ["leave c02"],
    ]  # fmt: skip


def test_the_master_stays_while_others_do() -> None:
    (step,) = plan_leave(INVENTORY, whole(), ("c01", "c02"))
    assert isinstance(step, Blocked)
    assert "1 other member(s) would stay" in step.reason


def test_a_node_that_is_gone_for_good_loses_its_entry() -> None:
    there = swarm(entry(1, "manager"), entry(2, "manager", "down"), entry(3, "worker"))
    found = state(there, member(1, True), member(3), off=("c02",))
    (step,) = plan_leave(INVENTORY, found, ("c02",))
    assert step == ForgetNode("c02", "id2", "c01", 2)


def test_a_node_that_only_can_not_be_reached_keeps_its_entry() -> None:
    found = state(SWARM, member(1, True), member(3), off=("c02",))
    (step,) = plan_leave(INVENTORY, found, ("c02",))
    assert step.action is Action.BLOCK


def test_outside_of_a_swarm_there_is_nothing_to_do() -> None:
    steps = plan_leave(INVENTORY, state(None, OUTSIDE, OUTSIDE, OUTSIDE), ALL)
    assert {step.action for step in steps} == {Action.KEEP}


def test_an_entry_of_an_interrupted_join_keeps_nobody_from_ending_the_swarm() -> None:
    found = whole()
    assert found.swarm is not None
    left = {**found.swarm.nodes, "id7": unnamed(7)}
    found = replace(found, swarm=replace(found.swarm, nodes=left))
    assert "leave c01" in chain(*order(plan_leave(INVENTORY, found, ALL)))


def test_when_the_swarm_ends_nobody_is_asked_whether_it_may_go() -> None:
    asking = replace(OURS, removal_check=("may-i",))
    found = whole()
    nodes = {n: replace(node, containers={"x": asking}) for n, node in found.nodes.items()}
    steps = plan_leave(INVENTORY, replace(found, nodes=nodes), ALL)
    no_fleet = cast("Fleet", None)  # would be needed to ask
    assert block_unsafe_leaves(no_fleet, steps, found, Busy.SKIP) == tuple(steps)


def test_a_node_whose_engine_could_not_begin_again_leaves_by_its_name() -> None:
    found = state(SWARM, member(1, True), Membership("error"), member(3))
    steps: list[Any] = list(plan_leave(INVENTORY, found, ["c02"]))
    assert [(s.action, s.node, s.node_id) for s in steps] == [
        (Action.DRAIN, "c02", "id2"), (Action.LEAVE, "c02", "id2"),
    ]  # fmt: skip


def test_what_a_node_left_behind_that_has_left_by_itself_goes_once_it_is_down() -> None:
    found = state(SWARM, member(1, True), OUTSIDE, member(3))
    *_, step = plan_leave(INVENTORY, found, ["c02"])
    assert step.action is Action.BLOCK
    dead = swarm(entry(1, "manager"), entry(2, "manager", "down"), entry(3, "worker"))
    *_, step = plan_leave(INVENTORY, replace(found, swarm=dead), ["c02"])
    assert isinstance(step, ForgetNode)
    assert step.node_id == "id2"


def test_a_member_of_another_swarm_does_not_leave_this_one() -> None:
    found = state(SWARM, member(1, True), member(9), member(3))
    assert plan_leave(INVENTORY, found, ["c02"]) == []
