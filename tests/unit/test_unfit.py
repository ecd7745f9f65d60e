"""Engines that can't run a platform's containers: told before anything is made there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.model.item import Action
from cluster.model.spec import Container, Image
from cluster.model.state import State
from cluster.model.unfit import unfit
from cluster.plan.parts import Part
from tests.support.container_plans import NETWORK, created, plan, state_of
from tests.support.swarm_plans import OUTSIDE, entry, member, swarm
from tests.support.swarm_plans import plan as plan_swarm
from tests.support.swarm_plans import state as swarm_state

USUAL = ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"]
CONTAINERD = ["io.containerd.snapshotter.v1"]
REMAPPED = unfit(["name=userns"], "overlay2", ())
BASE = Container("c01", "a-1", "a", Image("skp/a"), network=NETWORK)


@pytest.mark.parametrize(
    ("security", "driver", "store"),
    [
        (USUAL, "overlay2", ["extfs", "true"]),
        (USUAL, "overlayfs", CONTAINERD),
        (USUAL, "btrfs", []),
        ([], "", []),
    ],
)
def test_usual_engines_are_fit(security: list[str], driver: str, store: list[str]) -> None:
    assert unfit(security, driver, store) == ("", "")


@pytest.mark.parametrize(
    ("security", "driver", "store", "what"),
    [
        ([*USUAL, "name=userns"], "overlay2", [], "userns-remap"),
        ([*USUAL, "name=rootless"], "overlay2", [], "rootless"),
        (USUAL, "overlay2", CONTAINERD, "no storage driver overlay2"),
    ],
)
def test_others_are_not_and_it_is_said_what_to_do(
    security: list[str], driver: str, store: list[str], what: str
) -> None:
    found, hint = unfit(security, driver, store)
    assert what in found
    assert hint


def remapped(state: State, name: str) -> State:
    nodes = {**state.nodes, name: replace(state.nodes[name], unfit=REMAPPED)}
    return replace(state, nodes=nodes)


def test_nothing_is_made_there_and_what_runs_is_kept() -> None:
    (step,) = plan([BASE], remapped(state_of({"c01": []}), "c01"))
    assert (step.action, step.reason) == (Action.BLOCK, REMAPPED[0])
    (step,) = plan([BASE], remapped(state_of({"c01": [created(BASE)]}), "c01"))
    assert step.action is Action.KEEP


def test_it_neither_begins_a_swarm_nor_joins_one() -> None:
    (step,) = plan_swarm(remapped(swarm_state(None, OUTSIDE, OUTSIDE, OUTSIDE), "c01"), Part.INIT)
    assert (step.action, step.reason) == (Action.BLOCK, REMAPPED[0])
    there = swarm_state(swarm(entry(1, "manager")), member(1, True), OUTSIDE, OUTSIDE)
    _, blocked, joins = plan_swarm(remapped(there, "c02"), Part.JOIN)
    assert (blocked.action, joins.action) == (Action.BLOCK, Action.JOIN)
