"""Changing a node's entry: by compare-and-swap, also while the managers write it themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cluster.errors import DeadlineError, NodeError
from cluster.model.state import LABEL_OWNED
from cluster.operations.swarm_entry import forget
from tests.support.fake_clock import FakeClock
from tests.support.fake_swarm import FakeSwarm
from tests.support.fakes import SHORT, FakeFleet, Reply, Request, fake_fleet, fake_node, refusal
from tests.support.operation_scenes import SCENES, labelling
from tests.support.scenes import Scene

MOVED = refusal(500, "rpc error: code = Unknown desc = update out of sequence")


def moved(scene: Scene) -> Callable[[Request], Reply]:
    """Return an answer for an entry that a manager wrote a moment before."""

    def refuse(_: Request) -> Reply:
        scene.members.entries["id-c02"]["Spec"]["Labels"]["joined"] = "now"
        scene.members.touch("id-c02")
        return MOVED

    return refuse


def labels(scene: Scene) -> dict[str, str]:
    found: dict[str, str] = scene.members.entries["id-c02"]["Spec"]["Labels"]
    return found


def test_labels_that_are_not_ours_stay() -> None:
    scene = labelling()
    assert scene.run() == ""
    assert labels(scene) == {"theirs": "1", "jupyter": "enable", LABEL_OWNED: "jupyter,mysql"}


def test_an_entry_that_is_still_being_written_is_read_again() -> None:
    scene = labelling()
    scene.c01.on("POST /nodes/*/update", moved(scene), moved(scene), scene.members.update_node)
    assert scene.run() == "written at attempt 3"
    assert labels(scene)["joined"] == "now"
    assert labels(scene)["jupyter"] == "enable"


def test_what_is_refused_for_another_reason_is_not_tried_again() -> None:
    scene = labelling()
    scene.c01.on("POST /nodes/*/update", refusal(400, "invalid label"))
    with pytest.raises(NodeError, match="c01: changing a Swarm node: invalid label"):
        scene.run()
    assert sum("POST" in line for line in scene.c01.wire) == 1


def test_an_entry_that_does_not_come_to_rest_is_told(clock: FakeClock) -> None:
    scene = labelling()
    clock.look = 0.05
    scene.c01.on("POST /nodes/*/update", moved(scene))
    with pytest.raises(DeadlineError, match="c01: the entry of id-c02 does not come to rest"):
        scene.run()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("entry-role", "Role", "manager"),
        ("entry-drain", "Availability", "drain"),
        ("entry-activate", "Availability", "active"),
    ],
)
def test_one_field_is_changed_and_the_others_stay(name: str, field: str, value: str) -> None:
    scene = SCENES[name]()
    before = dict(scene.members.entries["id-c02"]["Spec"])
    scene.run()
    assert scene.members.entries["id-c02"]["Spec"] == {**before, field: value}


@pytest.mark.parametrize(
    "name", ["entry-labels", "entry-role", "entry-drain", "entry-activate", "leave-forget"]
)
def test_one_manager_changes_all_entries(name: str) -> None:
    scene = SCENES[name]()
    scene.run()
    assert scene.operation.performer == "c01"
    assert scene.operation.node == "c02"
    assert scene.fleet.connections["c02"].wire == []


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet("c01")


@pytest.fixture
def swarm(fleet: FakeFleet) -> FakeSwarm:
    swarm = FakeSwarm(fleet)
    swarm.add("id", "c09", "manager")
    return swarm


def verbs(fleet: FakeFleet) -> list[str]:
    return [line.split()[1] for line in fleet.wire]


def test_a_worker_s_entry_is_removed_at_once(fleet: FakeFleet, swarm: FakeSwarm) -> None:
    swarm.add("id", "c09", "worker")
    forget(fleet.nodes["c01"], "id")
    assert verbs(fleet) == ["DELETE"]
    assert "force=True" in fleet.wire[0]


def test_a_manager_is_demoted_once_and_waited_for(
    fleet: FakeFleet, swarm: FakeSwarm, clock: FakeClock
) -> None:
    swarm.slow = 2
    forget(fake_node(fleet.connections["c01"], deadlines=replace(SHORT, swarm=60)), "id")
    assert verbs(fleet) == ["DELETE", "GET", "POST", "DELETE", "DELETE", "DELETE"]
    assert clock.slept == pytest.approx(0.3)
    assert swarm.entries == {}


def test_a_manager_that_does_not_leave_raft_is_told(fleet: FakeFleet, swarm: FakeSwarm) -> None:
    swarm.slow = 10_000
    with pytest.raises(NodeError, match="is a member of the raft cluster"):
        forget(fleet.nodes["c01"], "id")
    assert "id" in swarm.entries


def test_a_manager_whom_the_others_need_is_not_removed(fleet: FakeFleet, swarm: FakeSwarm) -> None:
    fleet.connections["c01"].on("POST /nodes/*/update", refusal(400, "quorum would be lost"))
    with pytest.raises(NodeError, match="quorum would be lost"):
        forget(fleet.nodes["c01"], "id")
    assert verbs(fleet).count("DELETE") == 1


def test_an_entry_that_is_gone_is_what_was_wanted(fleet: FakeFleet, swarm: FakeSwarm) -> None:
    forget(fleet.nodes["c01"], "gone")
    assert verbs(fleet) == ["DELETE"]
