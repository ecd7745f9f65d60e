"""A node that is to leave: its containers are asked first, and one that refuses blocks it all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.commands.leave_check import block_unsafe_leaves
from cluster.model.item import Blocked, Item, Kind
from cluster.model.policy import Busy
from cluster.model.state import FoundContainer, State
from cluster.operations.container import RemoveContainer
from cluster.operations.leave import ForgetNode, LeaveSwarm
from tests.support.fakes import FakeFleet, fake_fleet
from tests.support.swarm_plans import entry, member, state, swarm, unnamed

BROKER = FoundContainer(
    "kafka-skp-3", "k3", "i", "running", service="kafka", removal_check=("kafka-leaving",)
)
LEAVE = LeaveSwarm("c03", "n3", "worker", "c01", 1)
MEMBERS = swarm(entry(1, "manager"), entry(2, "manager"), entry(3, "worker"))


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet("c01", "c02", "c03")


def asked(
    fleet: FakeFleet, *items: Item, found: State | None = None, busy: Busy = Busy.SKIP
) -> tuple[Item, ...]:
    whole = found or state(MEMBERS, member(1, True), member(2, True), member(3))
    return block_unsafe_leaves(fleet, items, whole, busy)


def removal(found: FoundContainer = BROKER, node: str = "c03") -> RemoveContainer:
    return RemoveContainer(node, found.name, found, Busy.SKIP)


def test_what_may_go_leaves_as_planned(fleet: FakeFleet) -> None:
    fleet.connections["c03"].on_exec("kafka-skp-3", "kafka-leaving", (0, ""))
    assert asked(fleet, removal(), LEAVE) == (removal(), LEAVE)


def test_what_may_not_go_yet_blocks_all_that_its_node_was_to_do(fleet: FakeFleet) -> None:
    fleet.connections["c03"].on_exec("kafka-skp-3", "kafka-leaving", (1, "it holds partitions"))
    other = removal(replace(BROKER, name="registry-skp", removal_check=()), "c02")
    kept, blocked = asked(fleet, other, removal(), LEAVE)
    assert kept == other
    assert isinstance(blocked, Blocked)
    assert (blocked.kind, blocked.node) == (Kind.LEAVE, "c03")
    assert blocked.reason == "kafka-skp-3 may not go yet: it holds partitions"
    assert "--busy replace" in blocked.hint


def test_whoever_does_not_care_asks_nothing(fleet: FakeFleet) -> None:
    assert asked(fleet, removal(), LEAVE, busy=Busy.REPLACE) == (removal(), LEAVE)
    assert fleet.wire == []


def test_a_container_that_does_not_run_can_not_be_asked(fleet: FakeFleet) -> None:
    (blocked,) = asked(fleet, removal(replace(BROKER, status="exited")), LEAVE)
    assert "kafka-skp-3 is exited and can't say" in getattr(blocked, "reason", "")


def test_a_removal_on_a_node_that_stays_is_no_matter_of_this(fleet: FakeFleet) -> None:
    assert asked(fleet, removal(node="c02"), LEAVE) == (removal(node="c02"), LEAVE)
    assert fleet.wire == []


def test_when_the_swarm_itself_ends_nothing_goes_for_good(fleet: FakeFleet) -> None:
    every = [LeaveSwarm(f"c0{n}", f"n{n}", "worker", "c01", n) for n in (1, 2, 3)]
    assert asked(fleet, removal(), *every) == (removal(), *every)
    assert fleet.wire == []


def test_a_join_that_goes_on_does_not_count_as_a_member_that_stays(fleet: FakeFleet) -> None:
    joining = swarm(entry(1, "manager"), unnamed(9))
    items = (removal(node="c01"), LeaveSwarm("c01", "n1", "manager", "c01", 1))
    found = state(joining, member(1, True), off=("c02", "c03"))
    assert asked(fleet, *items, found=found) == items
    assert fleet.wire == []


def test_a_node_that_is_gone_has_nothing_to_be_asked(fleet: FakeFleet) -> None:
    gone = ForgetNode("c03", "n3", "c01", 1)
    assert asked(fleet, gone) == (gone,)
    assert fleet.wire == []
