"""Starting, restarting and removing containers."""

from __future__ import annotations

import pytest

from cluster.errors import NodeError
from cluster.operations.base import BusyError
from tests.support.fakes import refusal
from tests.support.operation_scenes import removing, restarting, starting, waiting
from tests.support.scenes import HUSH, Scene


def sent(scene: Scene, part: str) -> list[str]:
    return [line for line in scene.c01.wire if part in line]


def test_a_container_is_started_with_the_folders_that_it_mounts() -> None:
    scene = starting()
    scene.run()
    assert [line.split()[1] for line in scene.c01.wire] == [
        "sudo",
        "/containers/id-x-skp/start",
        "/containers/x-skp/json",
    ]
    assert scene.store.there == {"x-skp": "running"}


def test_waiting_changes_nothing_and_needs_no_lock() -> None:
    operation = waiting().operation
    assert (operation.changes, operation.needs_lock) == (False, False)


def test_a_frozen_container_is_thawed_before_it_is_restarted() -> None:
    scene = restarting(status="paused")
    scene.run()
    assert [line.split("/")[-1] for line in scene.c01.wire] == ["unpause", "restart?t=20", "json"]


def test_one_that_ends_while_it_is_to_be_restarted_is_started() -> None:
    scene = restarting()
    ended = refusal(500, "Cannot restart container id-x-skp: container id-x-skp is not running")
    scene.c01.on("POST /containers/id-x-skp/restart", ended)
    scene.run()
    assert [line.split("/")[-1] for line in scene.c01.wire] == ["restart?t=20", "start", "json"]


def test_a_restart_waits_before_and_after() -> None:
    scene = restarting(ready_check=("may-next",), busy=("is-busy",))
    scene.c01.on_exec("id-x-skp", "is-busy", (1, ""))
    scene.c01.on_exec("x-skp", "may-next", (0, ""))
    scene.run()
    asked = [line.partition(" {")[0].split("/")[2:4] for line in sent(scene, "POST /containers")]
    assert ["/".join(words) for words in asked] == [
        "id-x-skp/exec",
        "x-skp/exec",
        "id-x-skp/restart?t=20",
        "x-skp/exec",
    ]


def test_a_container_at_work_is_not_restarted() -> None:
    scene = restarting(busy=("is-busy",))
    scene.c01.on_exec("id-x-skp", "is-busy", (0, "a kernel runs"))
    with pytest.raises(BusyError):
        scene.run()
    assert sent(scene, "restart") == []


def test_a_container_that_is_removed_takes_its_files_along() -> None:
    scene = removing()
    scene.run()
    assert (scene.store.there, scene.store.files) == ({}, {})


def test_a_container_that_may_not_go_stays_with_its_files() -> None:
    scene = removing(removal_check=("may-go",))
    scene.c01.on_exec("x-skp", "may-go", (1, "it has the only copy"))
    with pytest.raises(NodeError, match="x-skp may not go yet: it has the only copy"):
        scene.run()
    assert scene.store.there == {"x-skp": "running"}
    assert scene.store.files == {"x-skp": {"password": HUSH}}


def test_a_removal_goes_the_other_way_round() -> None:
    operation = removing(after=("mysql",)).operation
    assert operation.is_removal
    assert (operation.service, operation.goes_before) == ("x", ("mysql",))


def test_a_removal_of_what_is_no_service_s_is_none_s() -> None:
    assert removing(service=None).operation.service == ""
