"""Restarting an engine: the Swarm's tasks go first, and the node is set active again anyhow."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.commands.engine_restart import plan_engine_restarts
from cluster.errors import DeadlineError, NodeError
from tests.support.fake_clock import FakeClock
from tests.support.fakes import Request, done, refusal, reply
from tests.support.faults import Fault
from tests.support.operation_scenes import restarting_engine
from tests.support.scenes import Scene, walk
from tests.support.swarm_plans import INVENTORY


def steps(scene: Scene) -> list[str]:
    """Return the changes of the Swarm's entry and the restart, in their order."""
    found = []
    for line in scene.fleet.wire:
        if "/nodes/id-c02/update" in line:
            found.append(line.partition('"Availability": "')[2].partition('"')[0])
        elif "pidof dockerd" in line:
            found.append("restart")
        elif "start-ours" in line:
            found.append("start ours")
    return found


def availability(scene: Scene) -> str:
    found: str = scene.members.entries["id-c02"]["Spec"]["Availability"]
    return found


def test_where_something_runs_the_node_is_drained_first() -> None:
    scene = restarting_engine("web")
    scene.run()
    assert steps(scene) == ["drain", "restart", "active", "start ours"]


def test_what_stays_down_is_told_and_is_no_failure() -> None:
    scene = restarting_engine("web")
    scene.fleet.connections["c02"].on_run("start-ours", done(0, "some did not start\n"))
    assert scene.run() == "some did not start"


def test_where_nothing_runs_it_restarts_at_once() -> None:
    scene = restarting_engine()
    scene.run()
    assert steps(scene) == ["restart"]


def test_a_node_in_no_swarm_only_restarts() -> None:
    scene = restarting_engine("web")
    known = [{"NamedResourceSpec": {"Kind": "GPU", "Value": "GPU-5a2c"}}]
    alone = {"LocalNodeState": "inactive", "NodeID": ""}
    c02 = scene.fleet.connections["c02"]
    c02.on("GET /info", reply({"Swarm": alone, "GenericResources": known}))
    scene.run()
    assert steps(scene) == ["restart"]
    assert not [line for line in scene.fleet.wire if "/nodes" in line]


@pytest.mark.parametrize("before", ["drain", "pause"])
def test_a_node_that_was_not_active_is_as_it_was(before: str) -> None:
    scene = restarting_engine("web")
    scene.members.entries["id-c02"]["Spec"]["Availability"] = before
    scene.run()
    assert availability(scene) == before
    around = ["restart"] if before == "drain" else ["drain", "restart", "pause"]
    assert steps(scene) == [*around, "start ours"]


def test_where_nobody_agreed_nothing_is_touched() -> None:
    scene = restarting_engine("web", interrupts=False)
    with pytest.raises(NodeError, match=r"1 container.* nobody agreed") as raised:
        scene.run()
    assert "--nodes c02 --yes" in raised.value.hint
    assert steps(scene) == []
    idle = restarting_engine(interrupts=False)
    idle.run()
    assert steps(idle) == ["restart"]


def test_an_engine_that_does_not_begin_again_leaves_no_drained_node() -> None:
    scene = restarting_engine("web")
    scene.fleet.connections["c02"].on_run("pidof dockerd", done(1, stderr="no new engine answers"))
    with pytest.raises(NodeError, match="no new engine answers"):
        scene.run()
    assert steps(scene) == ["drain", "restart", "active", "start ours"]


def test_tasks_that_do_not_end_are_named_and_the_engine_goes_on(clock: FakeClock) -> None:
    scene = restarting_engine("web")
    listed = reply([{"Id": "1", "Names": ["/web.1.x"]}])
    scene.fleet.connections["c02"].on("GET /containers/json", listed)
    with pytest.raises(DeadlineError, match=r"there still run web\.1\.x"):
        scene.run()
    assert steps(scene) == ["drain", "active", "start ours"]
    assert clock.slept > 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Status": {"State": "down"}}, "the Swarm has it as down"),
        ({"ManagerStatus": {"Reachability": "unreachable"}}, "the other managers do not reach it"),
        ({"Description": {"Resources": {}}}, "the Swarm does not know GPU-5a2c"),
    ],
)
def test_the_swarm_has_to_know_it_in_time(changes: dict[str, Any], told: str) -> None:
    scene = restarting_engine("web")
    scene.members.entries["id-c02"] |= changes
    with pytest.raises(DeadlineError, match=told):
        scene.run()
    assert steps(scene)[-2:] == ["active", "start ours"]


def test_an_engine_that_does_not_read_its_file_is_told() -> None:
    scene = restarting_engine("web")
    member = {"LocalNodeState": "active", "NodeID": "id-c02"}
    scene.fleet.connections["c02"].on("GET /info", reply({"Swarm": member}))
    with pytest.raises(NodeError, match="began anew and does not know GPU-5a2c"):
        scene.run()
    assert availability(scene) == "active"


def test_a_node_that_no_manager_takes_back_is_told_as_drained() -> None:
    scene = restarting_engine("web")

    def refused(request: Request) -> Any:
        if request.body["Availability"] == "drain":
            return scene.members.update_node(request)
        return refusal(500, "the swarm does not have a leader")

    for connection in scene.fleet.connections.values():
        connection.on("POST /nodes/*/update", refused)
    scene.fleet.connections["c02"].on_run("pidof dockerd", done(1, stderr="it is lost"))
    with pytest.raises(NodeError, match="it is lost; and it is left drained") as raised:
        scene.run()
    assert "does not have a leader" in raised.value.what
    assert raised.value.hint == "./skp.py docker.undrain -h c02"


@pytest.mark.parametrize("fault", [Fault.NOT_FOUND, Fault.SILENT, Fault.CUT, Fault.GARBLED])
def test_whatever_fails_once_leaves_the_node_active(fault: Fault) -> None:
    for scene, _ in walk(fault, lambda: restarting_engine("web")):
        assert availability(scene) == "active"


def test_managers_come_last_and_the_master_after_them() -> None:
    gpus = {host.name: (f"GPU-{host.name}",) for host in INVENTORY.hosts}
    change = plan_engine_restarts(INVENTORY, gpus, ["c02"])
    order = [item.node for item in change.items]
    assert order[-1] == INVENTORY.master.name
    roles = [host.is_manager for name in order for host in INVENTORY.hosts if host.name == name]
    assert roles == sorted(roles)
    assert [item.order for item in change.items] == list(range(1, len(order) + 1))
