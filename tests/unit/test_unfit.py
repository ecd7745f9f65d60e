"""Engines that can't run a platform's containers: told before anything is made there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.model.item import Action
from cluster.model.spec import Container, Image
from cluster.model.state import State
from cluster.model.unfit import Told, unfit
from cluster.plan.parts import Part
from tests.support.container_plans import NETWORK, created, plan, state_of
from tests.support.swarm_plans import OUTSIDE, entry, member, swarm
from tests.support.swarm_plans import plan as plan_swarm
from tests.support.swarm_plans import state as swarm_state

USUAL = ("name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns")
CONTAINERD = ("io.containerd.snapshotter.v1",)
THEIRS = "registry.corp.example"
REMAPPED = unfit(Told(("name=userns",)))
BASE = Container("c01", "a-1", "a", Image("skp/a"), network=NETWORK)


@pytest.mark.parametrize(
    "told",
    [
        Told(USUAL, "overlay2", ("extfs", "true"), "iptables", ("127.0.0.0/8",)),
        Told(USUAL, "overlayfs", CONTAINERD, "iptables+firewalld", ("::1/128", THEIRS)),
        Told(USUAL, "btrfs", plain=(THEIRS, "localhost:5000")),
        Told(USUAL, plain=("127.0.0.1/32",)),
        Told(),
    ],
)
def test_usual_engines_are_fit(told: Told) -> None:
    assert unfit(told) == ("", "")


@pytest.mark.parametrize(
    ("told", "what", "remedy"),
    [
        (Told((*USUAL, "name=userns")), "userns-remap", "Take"),
        (Told((*USUAL, "name=rootless")), "rootless", "enable --now docker"),
        (Told(USUAL, "overlay2", CONTAINERD), "no storage driver overlay2", "storage-driver"),
        (Told(USUAL, firewall="nftables"), "can't be in a Swarm", "firewall-backend"),
        (Told(USUAL, plain=(THEIRS, "10.0.0.0/8")), "wants TLS", '"localhost:5000" to "insecure'),
        (Told(USUAL, plain=()), "wants TLS", '"localhost:5000" to "insecure'),
    ],
)
def test_others_are_not_and_it_is_said_what_to_do(told: Told, what: str, remedy: str) -> None:
    found, hint = unfit(told)
    assert what in found
    assert remedy in hint


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
