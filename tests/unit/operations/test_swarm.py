"""Beginning a Swarm, joining it, and sweeping up what interrupted joins left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.errors import NodeError
from cluster.operations.swarm import InitSwarm, JoinSwarm, SweepJoins
from tests.support.fake_clock import FakeClock
from tests.support.fake_swarm import NEW
from tests.support.fakes import Reply, Request, refusal, reply
from tests.support.operation_scenes import SCENES, joining, sweeping
from tests.support.scenes import Scene


def joining_anew(*stale: str) -> Scene:
    scene = joining()
    assert isinstance(scene.operation, JoinSwarm)
    scene.operation = replace(scene.operation, stale=stale)
    return scene


def joins(scene: Scene) -> list[Request]:
    return [r for r in scene.fleet.connections["c02"].requests if r.path == "/swarm/join"]


def test_a_swarm_begins_at_the_master_s_own_address() -> None:
    scene = SCENES["swarm-init"]()
    scene.run()
    (asked,) = scene.c01.requests
    assert asked.body["AdvertiseAddr"] == asked.body["DataPathAddr"] == "10.0.0.1"
    assert asked.body["ListenAddr"] == "10.0.0.1:2377"
    assert asked.body["ForceNewCluster"] is False


def test_a_swarm_that_began_meanwhile_is_not_begun_again() -> None:
    scene = SCENES["swarm-init"]()
    scene.c01.on("POST /swarm/init", refusal(503, "This node is already part of a swarm"))
    with pytest.raises(NodeError, match="c01: beginning the Swarm: This node is already part"):
        scene.run()
    assert isinstance(scene.operation, InitSwarm)


def test_a_node_that_left_nothing_behind_just_joins() -> None:
    scene = joining_anew()
    assert scene.run() == ""
    assert len(scene.fleet.wire) == 1
    body = joins(scene)[0].body
    assert body["JoinToken"] == "SWMTKN-1-hush-hush"
    assert (body["ListenAddr"], body["DataPathAddr"]) == ("10.0.0.2:2377", "10.0.0.2")


def test_dead_entries_are_removed_before_a_node_joins() -> None:
    scene = joining_anew("id-c02", "id-old")
    scene.members.add("id-old", "c02", "manager")
    assert scene.run() == "after its dead entry was removed"
    assert list(scene.members.entries) == ["id-c01"]
    assert scene.fleet.wire[-1].startswith("c02: POST /swarm/join")


def test_a_dead_entry_that_can_t_be_removed_keeps_a_node_from_joining() -> None:
    scene = joining_anew("id-c02")
    scene.c01.on("DELETE /nodes/*", refusal(500, "the swarm does not have a leader"))
    with pytest.raises(NodeError, match="c01: removing a dead entry of the Swarm: the swarm does"):
        scene.run()
    assert joins(scene) == []


def test_a_dead_entry_that_somebody_removed_meanwhile_is_no_error() -> None:
    scene = joining_anew("id-gone")
    scene.run()
    assert len(joins(scene)) == 1


def test_a_join_that_is_refused_does_not_show_the_token() -> None:
    scene = joining_anew()
    scene.fleet.connections["c02"].on("POST /swarm/join", refusal(400, "invalid join token"))
    with pytest.raises(NodeError, match="c02: joining the Swarm: invalid join token") as raised:
        scene.run()
    assert "SWMTKN" not in str(raised.value) + repr(scene.operation)


def member(state: str) -> Reply:
    return reply({"Swarm": {"LocalNodeState": state}})


def test_a_member_that_looks_for_its_managers_is_waited_for(clock: FakeClock) -> None:
    scene = SCENES["swarm-wait"]()
    scene.c01.on("GET /info", member("pending"), member("pending"), member("active"))
    assert scene.run() == "it came back into the Swarm"
    assert clock.slept == pytest.approx(0.2)


def test_a_member_that_does_not_find_them_is_told(clock: FakeClock) -> None:
    scene = SCENES["swarm-wait"]()
    scene.c01.on("GET /info", member("pending"))
    with pytest.raises(NodeError, match="its Swarm membership stays pending") as raised:
        scene.run()
    assert raised.value.hint == "look at it"
    assert clock.slept == pytest.approx(0.2, abs=0.15)


@pytest.mark.parametrize("state", ["inactive", "error", "locked"])
def test_a_node_that_is_no_member_is_not_waited_for(state: str, clock: FakeClock) -> None:
    scene = SCENES["swarm-wait"]()
    scene.c01.on("GET /info", member(state))
    with pytest.raises(NodeError, match=f"its Swarm membership stays {state}"):
        scene.run()
    assert clock.slept == 0


def test_waiting_changes_nothing_and_needs_no_lock() -> None:
    operation = SCENES["swarm-wait"]().operation
    assert (operation.changes, operation.needs_lock) == (False, False)


def test_a_join_that_was_interrupted_is_swept_up() -> None:
    scene = sweeping()
    scene.run()
    assert list(scene.members.entries) == ["id-c01"]


def test_a_join_that_goes_on_is_left() -> None:
    scene = sweeping()
    scene.members.entries["id-lost"]["Description"] = {"Hostname": "c07"}
    scene.run()
    assert "id-lost" in scene.members.entries
    assert not any("DELETE" in line for line in scene.fleet.wire)


def test_a_join_that_has_only_begun_is_given_its_time(clock: FakeClock) -> None:
    scene = sweeping()
    scene.allow(swarm=60)
    scene.members.now = NEW
    young, old = (NEW.replace("10:00:00", f"10:00:{second}") for second in ("09", "11"))
    times = iter([NEW, young, old])
    scene.c01.on("GET /info", lambda _: reply({"SystemTime": next(times)}))
    scene.run()
    assert clock.slept == pytest.approx(0.2)
    assert "id-lost" not in scene.members.entries


def test_an_entry_that_stays_young_is_left() -> None:
    scene = sweeping()
    scene.members.now = NEW
    scene.run()
    assert "id-lost" in scene.members.entries


def test_an_interrupted_join_that_somebody_removed_is_no_error() -> None:
    scene = sweeping()
    scene.members.add("id-other", "", "worker")
    scene.operation = SweepJoins("c01", ("id-gone", "id-other"))
    scene.run()
    assert "id-other" not in scene.members.entries


def test_sweeping_goes_before_what_comes_in_their_place() -> None:
    assert sweeping().operation.is_removal


def test_who_was_let_in_is_asked_by_id() -> None:
    scene = sweeping()
    scene.c01.on("GET /nodes/id-lost", refusal(503, "the swarm does not have a leader"))
    with pytest.raises(NodeError, match="looking at an interrupted join: the swarm does not"):
        scene.run()
    assert "id-lost" in scene.members.entries
