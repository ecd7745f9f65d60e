"""Whatever fails in between: the next plan brings a container right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from cluster.errors import NodeError
from cluster.facts.nodes import containers
from cluster.model.decisions import Decisions
from cluster.model.item import Item, Keep
from cluster.model.spec import Container
from cluster.model.state import LABEL_SPEC, FoundNode, Membership, State, Swarm
from cluster.operations.executor import execute
from cluster.plan.containers import Rules, plan_containers
from tests.support import scenes
from tests.support.fakes import FakeConnection, reply
from tests.support.faults import Fault
from tests.support.operation_scenes import creating, job, removing, starting
from tests.support.scenes import CONTAINER, DIGEST, FILES, KEY, Scene, found, replacing, walk

# A refusal, and what is carried out unheard: the others leave the same behind.
FAULTS = (Fault.ERROR, Fault.CUT)


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engines have the image: what bringing it may end with leaves no container behind."""
    monkeypatch.setattr(scenes, "in_registry", in_engine)


def in_engine(connection: FakeConnection) -> None:
    connection.on("GET /images/*/json", reply({"Id": "image"}))
    connection.on("POST /images/*/tag", reply(status=201))


def planned(scene: Scene, *wanted: Container) -> list[Item]:
    """Return the plan of what is there now."""
    there = containers(scene.fleet.nodes["c01"])
    node = FoundNode("c01", "c01", "26", Membership("active", "id", control=True), there)
    swarm = Swarm("c01", "s", {}, Decisions(), {"net-skp": ""}, {}, ("c01",))
    rules = Rules(lambda _: DIGEST, "/srv/skp", KEY, "c01")
    state = State({"c01": node}, {}, swarm)
    return plan_containers(wanted, state, rules, services=["x"], nodes=["c01"])


def repair(scene: Scene, *wanted: Container) -> list[Item]:
    """Carry out the plan of what is there now, and return the one after it."""
    for result in execute(scene.context, planned(scene, *wanted)):
        assert result.ok, result
    return planned(scene, *wanted)


@pytest.mark.parametrize("fault", [*FAULTS, Fault.NOT_FOUND])
@pytest.mark.parametrize("make", [creating, replacing, partial(starting, "exited")])
def test_the_next_plan_completes_what_failed(make: Callable[[], Scene], fault: Fault) -> None:
    for scene, _ in walk(fault, make):
        scene.store.files.setdefault("x-skp", FILES if make is not creating else {})
        left = repair(scene, CONTAINER)
        assert [type(item) for item in left] == [Keep], scene.c01.wire
        assert scene.store.files == {"x-skp": FILES}, scene.c01.wire


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("make", [creating, replacing])
def test_what_counts_as_made_has_its_files(make: Callable[[], Scene], fault: Fault) -> None:
    wanted = made_spec()
    for scene, _ in walk(fault, make):
        named = [scene.store.objects[ident] for ident in scene.store.ids("x-skp")]
        made = [one for one in named if one["Config"]["Labels"][LABEL_SPEC] == wanted]
        assert not made or scene.store.files == {"x-skp": FILES}, scene.c01.wire


def made_spec() -> str:
    return found(CONTAINER).spec


@pytest.mark.parametrize("fault", FAULTS)
def test_until_it_is_stopped_the_old_one_serves(fault: Fault) -> None:
    for scene, error in walk(fault, replacing):
        if not any("/stop" in line for line in scene.c01.wire):
            assert isinstance(error, NodeError)
            assert scene.store.there["x-skp"] == "running"
            assert scene.store.ids("x-skp") == ["id-x-skp"]
            assert scene.store.files == {}


def at_work() -> Scene:
    """Return a replacement whose container is asked before it and after it."""
    scene = replacing(found(busy=("is-busy",), ready_check=("may-next",)))
    scene.c01.on_exec("id-x-skp", "is-busy", (1, ""))
    scene.c01.on_exec("x-skp", "may-next", (0, ""))
    return scene


@pytest.mark.parametrize("fault", FAULTS)
def test_a_container_that_can_t_be_asked_is_left_and_the_new_one_removed(fault: Fault) -> None:
    for scene, error in walk(fault, at_work):
        if not any("/stop" in line for line in scene.c01.wire):
            assert isinstance(error, NodeError)
            assert scene.store.ids("x-skp") == ["id-x-skp"]
            if "asking" in error.what:
                assert scene.store.there == {"x-skp": "running"}, scene.c01.wire


@pytest.mark.parametrize("fault", FAULTS)
def test_a_container_that_was_removed_by_half_goes_with_the_next_plan(fault: Fault) -> None:
    for scene, _ in walk(fault, removing):
        assert repair(scene) == []
        assert scene.store.there == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_of_a_job_that_fails_no_file_is_left_and_no_container_that_a_plan_keeps(
    fault: Fault,
) -> None:
    for scene, _ in walk(fault, job):
        wiped = scene.c01.wire[-1].endswith(" /var/lib/skp/files/x-setup'")
        unwritten = not any("tar -xf" in line for line in scene.c01.wire)
        assert wiped or unwritten, scene.c01.wire
        assert repair(scene) == []


def test_of_a_job_that_is_refused_something_nothing_is_left() -> None:
    for scene, error in walk(Fault.ERROR, job):
        removals = sum("DELETE" in line for line in scene.c01.wire)
        if removals < 3 or error is None:  # else one of the removals was refused
            assert scene.store.there == {}, scene.c01.wire
