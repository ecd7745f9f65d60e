"""Creating and replacing containers: nothing is lost, and nothing half-made counts as done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.config.secrets import Secret
from cluster.errors import DeadlineError, NodeError
from cluster.lock.holder import LockedError
from cluster.model.policy import Busy
from cluster.model.spec import SecretFile
from cluster.operations.base import BusyError
from cluster.operations.container import CreateContainer
from tests.support.fake_clock import FakeClock
from tests.support.fakes import content, frames, refusal
from tests.support.operation_scenes import creating
from tests.support.scenes import CONTAINER, FILES, HUSH, OLD, Scene, found, replacing

AT_WORK = replace(OLD, busy=("is-busy",))
ROLLING = replace(OLD, ready_check=("may-next",))


def at_work(busy: Busy = Busy.SKIP) -> Scene:
    return replacing(found(AT_WORK, busy=("is-busy",)), busy)


def rolling(busy: Busy = Busy.SKIP) -> Scene:
    after = replace(CONTAINER, ready_check=("may-next",), rolling_order=2)
    return replacing(found(ROLLING, ready_check=("may-next",)), busy, after)


def untouched(scene: Scene) -> bool:
    """Whether the old container serves, and nothing is left of the new one."""
    return scene.store.there == {"x-skp": "running"} and "id-x-skp" in scene.store.objects


def sent(scene: Scene, part: str) -> list[str]:
    return [line for line in scene.c01.wire if part in line]


def test_a_new_container_runs_with_its_files() -> None:
    scene = creating()
    assert scene.run() == ""
    assert scene.store.there == {"x-skp": "running"}
    assert scene.store.files == {"x-skp": FILES}


def test_files_are_there_before_a_container_has_its_name() -> None:
    scene = creating()
    scene.c01.on_run("tar -xf", NodeError("c01", "the disk is full"))
    with pytest.raises(NodeError, match="the disk is full"):
        scene.run()
    assert scene.store.there == {"x-skp.new": "created"}


def test_what_a_killed_command_left_is_removed_first() -> None:
    scene = creating()
    scene.store.add("x-skp.new", "left")
    scene.run()
    assert scene.store.ids("x-skp") == ["made-1"]


def test_a_name_that_somebody_took_meanwhile_is_an_error() -> None:
    scene = creating()
    scene.store.add("x-skp", "theirs")
    with pytest.raises(NodeError, match="c01: naming x-skp: Conflict"):
        scene.run()
    assert scene.store.ids("x-skp") == ["theirs"]


def test_a_container_that_ends_is_told_with_its_last_lines_and_without_their_secrets() -> None:
    scene = creating()
    operation = scene.operation
    assert isinstance(operation, CreateContainer)
    files = (SecretFile("own", Secret("of-the-file")),)
    scene.operation = replace(operation, container=replace(CONTAINER, files=files))
    scene.store.ends = 3
    scene.c01.on("GET /containers/*/logs", content(frames(f"with {HUSH}\n", "with of-the-file\n")))
    with pytest.raises(NodeError) as raised:
        scene.run()
    assert str(raised.value) == (
        "c01: x-skp ended with exit code 3; its last log lines:\n    with ***\n    with ***"
    )


def test_a_container_that_can_t_be_created_leaves_the_old_one_serving() -> None:
    scene = replacing()
    scene.c01.on("POST /containers/create", refusal(400, "range of CPUs is from 0.01 to 2.00"))
    with pytest.raises(NodeError, match="creating x-skp: range of CPUs"):
        scene.run()
    assert untouched(scene)


def test_an_image_that_can_t_be_brought_leaves_the_old_one_serving() -> None:
    scene = replacing()
    scene.c01.on("POST /images/create", refusal(500, "no space left on device"))
    with pytest.raises(NodeError, match="no space left"):
        scene.run()
    assert untouched(scene)
    assert sent(scene, "POST /containers") == []


def test_the_new_one_takes_the_place_of_the_old_one() -> None:
    scene = replacing()
    assert scene.run() == ""
    assert scene.store.there == {"x-skp": "running"}
    assert "id-x-skp" not in scene.store.objects
    assert scene.store.files == {"x-skp": FILES}


def test_an_old_one_that_went_by_itself_is_no_error() -> None:
    scene = replacing()
    del scene.store.objects["id-x-skp"]
    scene.run()
    assert scene.store.ids("x-skp") == ["made-1"]


def test_an_old_one_that_can_t_be_stopped_keeps_its_name_and_its_files() -> None:
    scene = replacing()
    scene.c01.on("POST /containers/id-x-skp/stop", refusal(500, "cannot kill container"))
    with pytest.raises(NodeError, match="removing a container: cannot kill"):
        scene.run()
    assert scene.store.there["x-skp"] == "running"
    assert scene.store.files == {}


def test_an_old_one_that_ends_while_it_is_to_be_stopped_is_replaced() -> None:
    """One that fails at once and is started again by its policy ends between the engine's steps."""
    scene = replacing()
    ended = refusal(500, "cannot stop container: id-x-skp: container id-x-skp is not running")
    scene.c01.on("POST /containers/id-x-skp/stop", ended)
    scene.run()
    assert scene.store.ids("x-skp") == ["made-1"]


def test_the_engine_is_given_the_time_that_the_old_one_may_take_to_stop() -> None:
    scene = replacing()
    scene.run()
    timeouts = {r.path.rpartition("/")[2]: r.timeout for r in scene.c01.requests}
    assert timeouts["stop?t=20"] == 20 + scene.fleet.deadlines.stop + 20  # the SDK adds its own


def test_a_container_at_work_is_left_as_it_is() -> None:
    scene = at_work()
    scene.c01.on_exec("id-x-skp", "is-busy", (0, "2 kernels run\n"))
    with pytest.raises(BusyError, match="2 kernels run"):
        scene.run()
    assert untouched(scene)
    assert len(scene.c01.wire) == 3


def test_one_that_began_work_while_the_image_came_is_left_too() -> None:
    scene = at_work()
    scene.c01.on_exec("id-x-skp", "is-busy", (1, ""), (0, ""))
    with pytest.raises(BusyError, match="it is at work"):
        scene.run()
    assert untouched(scene)
    assert sent(scene, "DELETE /containers/made-1")


def test_work_is_waited_for_if_that_is_wanted(clock: FakeClock) -> None:
    scene = at_work(Busy.WAIT)
    scene.allow(busy=60)
    scene.c01.on_exec("id-x-skp", "is-busy", (0, ""), (0, ""), (1, ""))
    scene.run()
    assert scene.store.ids("x-skp") == ["made-1"]
    assert clock.slept == 4


def test_work_that_does_not_end_in_time_is_not_lost_either() -> None:
    scene = at_work(Busy.WAIT)
    scene.c01.on_exec("id-x-skp", "is-busy", (0, "a kernel runs"))
    with pytest.raises(BusyError, match="a kernel runs"):
        scene.run()
    assert untouched(scene)


def test_work_is_not_asked_for_when_nobody_cares() -> None:
    scene = at_work(Busy.REPLACE)
    scene.run()
    assert sent(scene, "exec") == []


def test_a_container_that_does_not_run_is_not_asked_for_work() -> None:
    scene = replacing(found(AT_WORK, busy=("is-busy",), status="exited"))
    scene.run()
    assert sent(scene, "exec") == []


def test_a_service_that_does_not_recover_keeps_its_container() -> None:
    scene = rolling()
    scene.c01.on_exec("x-skp", "may-next", (1, "2 partitions lack a replica\n"))
    with pytest.raises(DeadlineError, match="followed by the next after 0 s: 2 partitions lack"):
        scene.run()
    assert untouched(scene)
    assert sent(scene, "DELETE /containers/made-1")


def test_the_service_has_to_have_recovered_before_and_after(clock: FakeClock) -> None:
    scene = rolling()
    scene.allow(settled=60)
    scene.c01.on_exec("x-skp", "may-next", (1, ""), (0, ""), (1, ""), (1, ""), (0, ""))
    scene.run()
    asked = [index for index, line in enumerate(scene.c01.wire) if "x-skp/exec" in line]
    stopped = next(index for index, line in enumerate(scene.c01.wire) if "/stop" in line)
    assert [index < stopped for index in asked] == [True, True, False, False, False]
    assert clock.slept == 3


def test_a_service_that_does_not_recover_afterwards_is_an_error_and_the_new_one_stays() -> None:
    scene = rolling()
    scene.c01.on_exec("x-skp", "may-next", (0, ""), (1, ""))
    with pytest.raises(DeadlineError, match="may-next ended with 1") as raised:
        scene.run()
    assert "--busy replace does not wait" in raised.value.hint
    assert scene.store.ids("x-skp") == ["made-1"]


def test_what_does_not_work_is_no_loss_and_is_not_waited_for() -> None:
    scene = replacing(found(ROLLING, ready_check=("may-next",), status="restarting"))
    scene.run()
    assert sent(scene, "exec") == []


def test_a_lock_that_was_lost_meanwhile_leaves_the_old_one() -> None:
    scene = replacing()

    def lost() -> None:
        raise LockedError(None)

    scene.check = lost
    with pytest.raises(LockedError):
        scene.run()
    assert untouched(scene)
    assert sent(scene, "DELETE /containers/made-1")


def test_why_it_is_given_up_is_told_also_when_the_new_one_can_t_be_removed() -> None:
    scene = at_work()
    scene.c01.on_exec("id-x-skp", "is-busy", (1, ""), (0, "a kernel runs"))
    scene.c01.on("DELETE /containers/made-1", refusal(500, "driver failed to remove"))
    with pytest.raises(BusyError, match="a kernel runs"):
        scene.run()


def test_the_place_in_a_rolling_change_is_the_container_s() -> None:
    assert (rolling().operation.order, replacing().operation.order) == (2, 0)
