"""Taking nodes out of the Swarm: no manager is lost to the others."""

from __future__ import annotations

import pytest

from cluster.errors import DeadlineError, NodeError
from tests.support.fake_clock import FakeClock
from tests.support.fakes import refusal
from tests.support.operation_scenes import SCENES


def test_a_manager_is_a_worker_before_it_leaves(clock: FakeClock) -> None:
    scene = SCENES["leave-manager"]()
    scene.members.slow = 3
    scene.allow(swarm=60)
    assert scene.run() == ""
    assert [line.partition("?")[0] for line in scene.fleet.wire] == [
        "c01: GET /nodes/id-c02",
        "c01: POST /nodes/id-c02/update",
        *4 * ["c02: GET /info"],
        "c02: POST /swarm/leave",
        "c01: DELETE /nodes/id-c02",
    ]
    assert clock.slept == pytest.approx(0.3)
    assert scene.members.states["c02"] == "inactive"
    assert list(scene.members.entries) == ["id-c01"]


def test_a_manager_that_does_not_become_a_worker_stays() -> None:
    scene = SCENES["leave-manager"]()
    scene.members.slow = 10_000
    with pytest.raises(DeadlineError, match="c02: it does not become a worker"):
        scene.run()
    assert scene.members.states["c02"] == "active"
    assert "id-c02" in scene.members.entries


def test_a_manager_that_can_t_be_demoted_stays() -> None:
    scene = SCENES["leave-manager"]()
    scene.c01.on("POST /nodes/*/update", refusal(400, "quorum would be lost"))
    with pytest.raises(NodeError, match="c01: changing a Swarm node: quorum would be lost"):
        scene.run()
    assert scene.fleet.connections["c02"].wire == []


def test_a_worker_leaves_without_force() -> None:
    scene = SCENES["leave-worker"]()
    scene.run()
    assert scene.fleet.wire[0] == "c02: POST /swarm/leave?force=False"
    assert list(scene.members.entries) == ["id-c01"]


def test_a_node_that_does_not_leave_keeps_its_entry() -> None:
    scene = SCENES["leave-worker"]()
    scene.fleet.connections["c02"].on("POST /swarm/leave", refusal(500, "context deadline"))
    with pytest.raises(NodeError, match="c02: leaving the Swarm: context deadline"):
        scene.run()
    assert "id-c02" in scene.members.entries


def test_the_last_manager_ends_the_swarm() -> None:
    scene = SCENES["leave-last"]()
    assert scene.run() == "the Swarm has ended"
    assert scene.fleet.wire == ["c01: POST /swarm/leave?force=True"]


def test_the_entry_of_a_node_that_is_gone_is_removed_by_another() -> None:
    scene = SCENES["leave-forget"]()
    assert scene.run() == "its entry was removed; the node itself can't be reached"
    assert list(scene.members.entries) == ["id-c01"]


def test_nodes_leave_one_after_another() -> None:
    orders = [SCENES[name]().operation.order for name in ("leave-worker", "leave-last")]
    assert orders == [1, 2]
