"""The Swarm's plan: who begins, who joins as what, whose labels change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster.model.item import Action
from cluster.model.state import Membership
from cluster.operations.swarm import InitSwarm
from cluster.plan.parts import Part
from cluster.plan.swarm import drained, plan_swarm
from tests.support.swarm_plans import (
    INVENTORY,
    OUTSIDE,
    actions,
    entry,
    member,
    plan,
    state,
    swarm,
    unnamed,
)


def test_the_master_begins() -> None:
    steps = plan(state(None, OUTSIDE, OUTSIDE, OUTSIDE), Part.INIT)
    assert actions(steps) == [("c01", Action.INIT, "swarm")]


def test_it_begins_with_the_port_that_the_settings_say() -> None:
    (step,) = plan_swarm(
        INVENTORY, state(None, OUTSIDE, OUTSIDE, OUTSIDE), [Part.INIT], ["c01"], 7789
    )
    assert step == InitSwarm("c01", 7789)


def test_a_second_swarm_is_not_begun_beside_one_that_lost_its_managers() -> None:
    (step,) = plan(state(None, OUTSIDE, OUTSIDE, member(3)), Part.INIT)
    assert step.action is Action.BLOCK
    assert "c03" in step.reason


def test_no_second_swarm_is_begun_while_the_managers_look_for_each_other() -> None:
    pending = Membership("pending", "id2")
    (step,) = plan(state(None, OUTSIDE, pending, OUTSIDE), Part.INIT)
    assert step.action is Action.BLOCK


def test_no_second_swarm_is_begun_where_all_managers_are_locked() -> None:
    locked = Membership("locked")
    (step,) = plan(state(None, locked, locked, OUTSIDE), Part.INIT)
    assert step.action is Action.BLOCK
    assert "c01, c02 in a Swarm that is locked" in step.reason
    assert "docker swarm unlock" in step.hint


def test_a_locked_manager_is_to_be_unlocked_and_not_to_leave() -> None:
    there = swarm(entry(1, "manager"), entry(2, "manager"))
    _, step, _ = plan(state(there, member(1, True), Membership("locked"), OUTSIDE), Part.JOIN)
    assert step.action is Action.BLOCK
    assert "docker swarm unlock" in step.hint
    assert "leave" not in step.hint


def test_without_the_master_nothing_begins() -> None:
    (step,) = plan(state(None, OUTSIDE, OUTSIDE, off=("c01",)), Part.INIT)
    assert step.action is Action.BLOCK


def test_the_others_join_as_their_groups_say() -> None:
    there = swarm(entry(1, "manager"))
    steps = plan(state(there, member(1, True), OUTSIDE, OUTSIDE), Part.JOIN)
    assert actions(steps) == [
        ("c01", Action.KEEP, "manager"),
        ("c02", Action.JOIN, "manager"),
        ("c03", Action.JOIN, "worker"),
    ]


@pytest.mark.parametrize("seen", ["down", "ready", "unknown"])
def test_a_reinstalled_node_joins_after_its_dead_entry_is_removed(seen: str) -> None:
    there = swarm(entry(1, "manager"), entry(2, "manager", seen), entry(3, "worker"))
    steps = plan(state(there, member(1, True), OUTSIDE, member(3)), Part.JOIN)
    assert [(s.node, s.stale) for s in steps if s.action is Action.JOIN] == [("c02", ("id2",))]


def test_a_namesakes_entry_is_left_alone() -> None:
    namesake = replace(entry(4, "manager", "down"), hostname="c02")
    there = swarm(entry(1, "manager"), namesake, entry(3, "worker"))
    steps = plan(state(there, member(1, True), OUTSIDE, member(3)), Part.JOIN)
    assert [(s.node, s.stale) for s in steps if s.action is Action.JOIN] == [("c02", ())]


def test_an_entry_at_the_address_of_another_that_answers_is_dead() -> None:
    exchanged = replace(entry(2, "manager", "down"), address="10.0.0.3")
    there = swarm(entry(1, "manager"), exchanged)
    steps = plan(state(there, member(1, True), OUTSIDE, OUTSIDE), Part.JOIN)
    stale = {s.node: s.stale for s in steps if s.action is Action.JOIN}
    assert stale == {"c02": ("id2",), "c03": ()}


def test_an_entry_that_a_node_answers_for_is_not_dead() -> None:
    shared = replace(entry(3, "worker"), hostname="c02", address="10.0.0.2")
    there = swarm(entry(1, "manager"), shared)
    steps = plan(state(there, member(1, True), OUTSIDE, member(3)), Part.JOIN)
    assert [(s.node, s.stale) for s in steps if s.action is Action.JOIN] == [("c02", ())]


def test_a_reinstalled_master_joins_the_swarm_that_is_there() -> None:
    there = swarm(entry(1, "manager", "down"), entry(2, "manager"), entry(3, "worker"))
    steps = plan(state(there, OUTSIDE, member(2, True), member(3)), Part.INIT, Part.JOIN)
    assert actions(steps)[:2] == [("c01", Action.KEEP, "swarm"), ("c01", Action.JOIN, "manager")]


def test_a_member_of_another_swarm_is_refused() -> None:
    there = swarm(entry(1, "manager"), entry(2, "manager"))
    steps = plan(state(there, member(1, True), member(2, True), member(9)), Part.JOIN)
    assert steps[2].action is Action.BLOCK
    assert "another Swarm" in steps[2].reason


@pytest.mark.parametrize("known", ["id3", ""])
def test_a_member_that_looks_for_its_managers_is_waited_for(known: str) -> None:
    there = swarm(entry(1, "manager"), entry(2, "manager"), entry(3, "worker", "down"))
    coming = Membership("pending", known)
    found = state(there, member(1, True), member(2, True), coming)
    for parts in ((Part.JOIN,), ()):  # whatever the command: nothing can be attached there yet
        (step,) = [step for step in plan(found, *parts) if step.node == "c03"]
        assert step.action is Action.WAIT
        assert not step.changes, "waiting needs no lock"


@pytest.mark.parametrize("membership", [Membership("pending", "id9"), Membership("error", "id3")])
def test_a_member_that_can_not_come_back_by_itself_is_named(membership: Membership) -> None:
    there = swarm(entry(1, "manager"), entry(2, "manager"), entry(3, "worker"))
    step = plan(state(there, member(1, True), member(2, True), membership), Part.JOIN)[2]
    assert step.action is Action.BLOCK
    assert membership.state in step.reason
    assert "./skp.py docker.node-rm -h c03" in step.hint


def test_a_changed_group_changes_the_role() -> None:
    there = swarm(entry(1, "manager"), entry(2, "worker"), entry(3, "worker"))
    steps = plan(state(there, member(1, True), member(2), member(3)), Part.JOIN)
    assert [str(d) for d in steps[1].differences] == ["role: worker -> manager"]


def test_labels_are_added_and_ours_that_are_not_listed_removed() -> None:
    labels = {"skp.labels": "kafka", "kafka": "enable", "rack": "7"}
    none = {"skp.labels": ""}
    there = swarm(
        entry(1, "manager", **labels), entry(2, "manager", **none), entry(3, "worker", **none)
    )
    steps = plan(state(there, member(1, True), member(2), member(3)), Part.LABEL)
    spec: dict[str, Any] = {"Labels": dict(labels)}
    steps[0].change(spec)
    assert spec["Labels"] == {"jupyter": "enable", "rack": "7", "skp.labels": "jupyter"}
    assert [s.action for s in steps] == [Action.LABEL, Action.KEEP, Action.KEEP]


def test_what_an_interrupted_join_left_goes() -> None:
    there = swarm(entry(1, "manager"), unnamed(7, "manager"), unnamed(8))
    steps = plan(state(there, member(1, True), OUTSIDE, OUTSIDE), Part.JOIN)
    (swept,) = [step for step in steps if step.action is Action.REMOVE]
    assert (swept.node, swept.stale) == ("c01", ("id7", "id8"))


def test_an_entry_of_a_node_that_answers_or_has_a_name_stays() -> None:
    there = swarm(entry(1, "manager"), unnamed(2), entry(9, "worker", "unknown"))
    steps = plan(state(there, member(1, True), member(2), OUTSIDE), Part.JOIN)
    assert not [step for step in steps if step.action is Action.REMOVE]


DRAINED = swarm(entry(1, "manager"), entry(2, "manager"), replace(entry(3, "worker"), drained=True))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Part.DRAIN, {"c01": Action.BLOCK, "c02": Action.DRAIN, "c03": Action.KEEP}),
        (Part.UNDRAIN, {"c01": Action.KEEP, "c02": Action.KEEP, "c03": Action.ACTIVATE}),
    ],
)
def test_a_node_is_drained_and_brought_back(part: Part, expected: dict[str, Action]) -> None:
    steps = plan(state(DRAINED, member(1, True), member(2, True), member(3)), part)
    assert {step.node: step.action for step in steps} == expected


def test_who_runs_nothing_once_it_is_done() -> None:
    there = state(DRAINED, member(1, True), member(2, True), member(3))
    assert drained(INVENTORY, there, (), ()) == {"c03"}
    assert drained(INVENTORY, there, [Part.DRAIN], ["c01", "c02"]) == {"c02", "c03"}
    assert drained(INVENTORY, there, [Part.UNDRAIN], ["c03"]) == set()
    outside = state(DRAINED, member(1, True), OUTSIDE, member(3))
    assert drained(INVENTORY, outside, [Part.DRAIN], ["c02"]) == {"c03"}
    (step,) = plan_swarm(INVENTORY, outside, [Part.DRAIN], ["c02"])
    assert step.action is Action.BLOCK
