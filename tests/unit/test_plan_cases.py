"""The plan, case by case: what differs, what is in the way, what waits for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cluster.config.secrets import Secret
from cluster.model.item import Action, Kind
from cluster.model.order import waves
from cluster.model.spec import Container, Image, Mount, Port, SecretFile
from cluster.model.state import FoundContainer, Health
from cluster.operations.network import CreateNetwork
from cluster.operations.swarm import InitSwarm
from tests.support.container_plans import HOME, IMAGES, KEY, NETWORK, NODES, created, plan, state_of

BASE = Container("c01", "a-1", "a", Image("skp/a"), network=NETWORK)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(BASE, memory=1 << 30), "memory: none -> 1g"),
        (replace(BASE, environment=(("X", "1"),)), "environment X: none -> 1"),
        (
            replace(BASE, files=(SecretFile("p", Secret("s")),)),
            "file p: old content -> new content",
        ),
        (replace(BASE, image=Image("skp/b")), "image: a:latest@aa -> b:latest@bb"),
    ],
)
def test_a_replacement_says_what_differs(changed: Container, words: str) -> None:
    (step,) = plan([changed], state_of({"c01": [created(BASE)]}))
    assert step.action is Action.REPLACE
    assert [str(d) for d in step.differences] == [words]


def test_a_new_build_replaces_what_runs_from_the_old_one() -> None:
    (step,) = plan([BASE], state_of({"c01": [created(BASE)]}), images={BASE.image: "sha256:cc"})
    assert [str(d) for d in step.differences] == ["image: a:latest@aa -> a:latest@cc"]


def test_without_its_registry_what_runs_is_kept() -> None:
    (step,) = plan([BASE], state_of({"c01": [created(BASE)]}), images={})
    assert step.action is Action.KEEP


def test_fields_at_their_defaults_do_not_change_the_hash() -> None:
    assert "devices" not in BASE.described("x", KEY)


@pytest.mark.parametrize(
    ("container", "found", "images", "reason"),
    [
        (
            BASE,
            [FoundContainer("a-1", "x", "x", "running")],
            IMAGES,
            "a container named a-1 is there that is not ours",
        ),
        (
            replace(BASE, ports=(Port(80, 80),)),
            [FoundContainer("web", "x", "x", "running", ports=("80/tcp",))],
            IMAGES,
            "port 80/tcp is taken by the container web",
        ),
    ],
)
def test_an_obstacle_is_named(
    container: Container,
    found: list[FoundContainer],
    images: Mapping[Image, str],
    reason: str,
) -> None:
    (step,) = plan([container], state_of({"c01": found}), images=images)
    assert step.action is Action.BLOCK
    assert reason in step.reason
    assert step.hint


@pytest.mark.parametrize(
    ("container", "images", "reason"),
    [
        (BASE, {}, "there is no skp/a:latest"),
        (replace(BASE, network="other"), IMAGES, "no network other"),
    ],
)
def test_what_another_step_may_bring_is_waited_for(
    container: Container, images: Mapping[Image, str], reason: str
) -> None:
    (step,) = plan([container], state_of({}), images=images)
    assert step.action is Action.DEFER
    assert reason in step.reason
    assert step.hint


def test_another_services_container_of_the_same_name_is_left_alone() -> None:
    theirs = created(replace(BASE, service="b", name="a-1"))
    (step,) = plan([BASE], state_of({"c01": [theirs]}), services=["a"])
    assert step.action is Action.BLOCK
    assert "that is b's" in step.reason


def test_what_keeps_ending_is_started_anew() -> None:
    (step,) = plan([BASE], state_of({"c01": [created(BASE, status="restarting")]}))
    assert step.action is Action.RESTART
    assert step.found is not None


@pytest.mark.parametrize("changes", [{"health": Health.STARTING}, {"health": Health.UNHEALTHY}])
def test_what_does_not_work_is_waited_for_and_not_called_unchanged(
    changes: dict[str, object],
) -> None:
    (step,) = plan([BASE], state_of({"c01": [created(BASE, **changes)]}))
    assert step.action is Action.WAIT
    assert step.is_action
    assert not step.changes


def test_what_ended_ill_is_started() -> None:
    ended = created(BASE, status="exited", health=Health.UNHEALTHY)
    (step,) = plan([BASE], state_of({"c01": [ended]}))
    assert step.action is Action.START


def test_a_service_waits_for_what_it_needs_on_its_own_node_only() -> None:
    needs = [replace(BASE, node=n, name="b-1", service="b", after=("a",)) for n in NODES]
    first = [replace(BASE, node=n) for n in NODES]
    stranger = FoundContainer("a-1", "x", "x", "running")
    steps = plan([*first, *needs], state_of({"c02": [stranger]}))
    standing = {(s.node, s.name): s.action for s in steps if s.is_blocked}
    assert standing == {("c02", "a-1"): Action.BLOCK, ("c02", "b-1"): Action.DEFER}


def test_a_missing_shared_folder_blocks_what_mounts_it() -> None:
    state = state_of({})
    nodes = {name: replace(node, owner="") for name, node in state.nodes.items()}
    mounted = replace(BASE, mounts=(Mount(f"{HOME}/var", "/data"),))
    (step,) = plan([mounted], replace(state, nodes=nodes))
    assert step.action is Action.BLOCK
    assert HOME in step.reason


def test_removals_come_first_and_kinds_in_their_order() -> None:
    old = created(replace(BASE, name="a-9"))
    steps = [
        *plan([BASE], state_of({"c01": [old]})),
        CreateNetwork("c01", NETWORK, "", 0),
        InitSwarm("c01"),
    ]
    order = [(s.kind, s.action) for wave in waves(steps) for s in wave]
    assert order == [
        (Kind.SWARM, Action.INIT),
        (Kind.NETWORK, Action.CREATE),
        (Kind.CONTAINER, Action.REMOVE),
        (Kind.CONTAINER, Action.CREATE),
    ]


def test_waves_may_be_made_of_anything_that_can_be_gone_through_once() -> None:
    steps = plan([BASE], state_of({}))
    assert waves(iter(steps)) == waves(steps) == [steps]


def gpu_plan(node: dict[str, object]) -> Any:
    state = state_of({})
    nodes = {**state.nodes, "c01": replace(state.nodes["c01"], **node)}  # type: ignore[arg-type]
    wanted = Container("c01", "a-1", "a", Image("skp/a"), gpus=-1)
    (step,) = plan([wanted], replace(state, nodes=nodes))
    return step


def test_without_a_gpu_a_container_that_wants_one_is_refused() -> None:
    step = gpu_plan({"runtimes": frozenset({"nvidia"})})
    assert (step.action, step.reason) == (Action.BLOCK, "NVIDIA's driver shows no GPU there")
    assert "A_GPU" in step.hint


def test_without_the_runtime_for_gpus_a_container_that_wants_one_is_refused() -> None:
    step = gpu_plan({"gpus": 2, "runtimes": frozenset({"runc"})})
    assert step.action is Action.BLOCK
    assert "no runtime nvidia" in step.reason


def test_with_a_gpu_and_its_runtime_the_container_is_created() -> None:
    assert gpu_plan({"gpus": 1, "runtimes": frozenset({"nvidia"})}).action is Action.CREATE


def test_a_container_without_gpus_is_described_as_before_there_was_the_field() -> None:
    assert "gpus" not in Container("c01", "a-1", "a", Image("skp/a")).described("sha256:aa", KEY)


def test_what_comes_after_another_service_goes_before_it() -> None:
    image = Image("skp/a")
    server = replace(created(Container("c01", "a", "a", image)), after=())
    client = replace(created(Container("c02", "b", "b", image)), after=("a",))
    steps = plan([], state_of({"c01": [server], "c02": [client]}))
    assert [[step.name for step in wave] for wave in waves(steps)] == [["b"], ["a"]]


def test_what_follows_a_blocked_container_of_a_rolling_change_waits() -> None:
    image = Image("skp/a")
    before = [Container(node, f"a-{node}", "a", image, network=NETWORK) for node in NODES]
    there = {container.node: [created(container)] for container in before}
    wanted = [
        replace(container, memory=1 << 30, rolling_order=order)
        for order, container in enumerate(before, 1)
    ]
    wanted[0] = replace(wanted[0], obstacle=("its data is another's", "Look at it."))
    steps = plan(wanted, state_of(there))
    assert [step.action for step in steps] == [Action.BLOCK, Action.DEFER, Action.DEFER]
    assert steps[1].reason == "it waits for a-c01 on c01"
