"""The plan: applied to what is there it gives what is wanted, and then is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config.secrets import Secret
from cluster.model.item import Action
from cluster.model.order import needed, waves
from cluster.model.spec import Container, Image, SecretFile
from cluster.model.state import FoundContainer, State
from tests.support.container_plans import IMAGES, NETWORK, NODES, created, plan, state_of


def simulate(state: State, steps: Sequence[Any]) -> State:
    """Return the state after the steps that change something."""
    found = {name: dict(node.containers) for name, node in state.nodes.items()}
    for wave in waves(steps):
        for step in wave:
            if step.action is Action.REMOVE:
                del found[step.node][step.name]
            elif container := getattr(step, "container", None):
                found[step.node][step.name] = created(container)
    return state_of({name: list(c.values()) for name, c in found.items()}, list(state.unreachable))


containers = st.builds(
    Container,
    node=st.sampled_from(NODES),
    name=st.sampled_from(["a-1", "a-2", "b-1"]),
    service=st.just("a"),
    image=st.sampled_from(list(IMAGES)),
    environment=st.sampled_from([(), (("X", "1"),), (("X", "2"),)]),
    memory=st.sampled_from([0, 1 << 30]),
    files=st.sampled_from([(), (SecretFile("p", Secret("one")),), (SecretFile("p", Secret("2")),)]),
    network=st.sampled_from(["host", NETWORK]),
).map(lambda c: replace(c, service=c.name[0]))
clusters = st.lists(containers, unique_by=lambda c: (c.node, c.name))
foreign = st.builds(
    FoundContainer,
    name=st.sampled_from(["theirs", "postgres"]),
    id=st.just("x"),
    image=st.just("postgres"),
    status=st.sampled_from(["running", "exited"]),
    service=st.sampled_from([None, "other"]),
)
statuses = st.sampled_from(["running", "exited", "created", "paused", "dead"])


@st.composite
def states(draw: st.DrawFn) -> State:
    found: dict[str, list[FoundContainer]] = {}
    for container in draw(clusters):
        found.setdefault(container.node, []).append(created(container, status=draw(statuses)))
    for node in NODES:
        found.setdefault(node, []).extend(
            draw(st.lists(foreign, unique_by=lambda c: c.name, max_size=2))
        )
    return state_of(found)


@given(clusters, states())
def test_applied_once_it_gives_what_is_wanted_and_then_is_empty(
    desired: list[Container], state: State
) -> None:
    after = simulate(state, plan(desired, state))
    ours = {
        (node.name, c.name): c.spec
        for node in after.nodes.values()
        for c in node.containers.values()
        if c.service in ("a", "b")
    }
    assert ours == {(c.node, c.name): created(c).spec for c in desired}
    assert not any(step.changes for step in plan(desired, after))


@given(clusters, states())
def test_what_is_not_ours_is_never_touched(desired: list[Container], state: State) -> None:
    for step in plan(desired, state):
        found = getattr(step, "found", None)
        assert found is None or found.service in ("a", "b") or not step.changes


@given(clusters, states())
def test_another_service_is_never_touched(desired: list[Container], state: State) -> None:
    for step in plan(desired, state, services=["a"]):
        assert step.name.startswith("a")


@given(clusters, states())
def test_another_node_is_never_touched(desired: list[Container], state: State) -> None:
    assert {s.node for s in plan(desired, state, nodes=["c02"])} <= {"c02"}


@given(clusters, st.sampled_from(NODES))
def test_a_node_that_is_off_blocks_only_its_own(desired: list[Container], off: str) -> None:
    for step in plan(desired, state_of({}, [off])):
        assert (step.action is Action.BLOCK) == (step.node == off)


@given(clusters)
def test_services_come_after_those_they_name(desired: list[Container]) -> None:
    chained = [replace(c, after=("a",)) if c.service == "b" else c for c in desired]
    order = [step.container for wave in waves(plan(chained, state_of({}))) for step in wave]
    services = [c.service for c in order if c]
    assert services == sorted(services)


def test_a_circle_of_services_is_an_error() -> None:
    one = Container("c01", "a-1", "a", Image("skp/a"), after=("b",))
    two = Container("c01", "b-1", "b", Image("skp/b"), after=("a",))
    with pytest.raises(AssertionError, match="wait for each other"):
        waves(plan([one, two], state_of({})))


@given(clusters, states(), st.permutations([1, 2, 3]))
def test_a_rolling_change_goes_turn_by_turn_and_builds_on_all_before(
    desired: list[Container], state: State, order: list[int]
) -> None:
    turns = dict(zip(NODES, order, strict=True))
    steps = plan([replace(c, rolling_order=turns[c.node]) for c in desired], state)
    place = {step.key: number for number, wave in enumerate(waves(steps)) for step in wave}
    rolled = [step for step in steps if step.is_action and step.order]
    assert all(step.action is Action.REPLACE for step in rolled)
    for step in rolled:
        before = {s.key for s in rolled if s.name[0] == step.name[0] and s.order < step.order}
        assert {s.key for s in needed(step, steps)} == before
        assert all(place[key] < place[step.key] for key in before)
