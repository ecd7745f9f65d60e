"""Commands in containers, and containers that run to their end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.connectors.base import Completed
from cluster.errors import DeadlineError, NodeError
from cluster.operations.container_run import RunCommand, RunJob
from tests.support.fakes import Ran, content, done, frames, refusal
from tests.support.operation_scenes import JOB, commanding, job
from tests.support.scenes import HUSH, Scene


def kept(scene: Scene) -> list[tuple[str, str]]:
    """Return verb and last part of the path of every request to the engine."""
    return [(r.method, r.path.partition("?")[0].rpartition("/")[2]) for r in scene.c01.requests]


def test_what_a_command_says_is_told_as_it_comes_and_its_last_line_is_the_detail() -> None:
    scene = commanding()
    assert scene.run() == "all is set up"
    assert scene.said == ["c01: 1 of 2", "c01: all is set up"]


def test_a_command_that_says_nothing_has_no_detail() -> None:
    scene = commanding()
    scene.c01.on_run("docker exec", done())
    assert scene.run() == ""


def test_a_command_is_ended_on_the_node_before_the_connection_gives_up() -> None:
    scene = commanding()
    scene.run()
    (ran,) = scene.c01.commands
    assert ran.command.startswith("timeout -k2 30 ")
    assert ran.deadline == 35


def test_a_command_that_fails_is_told_with_its_last_lines_without_secrets() -> None:
    scene = commanding()
    said = f"one\ntwo\nwith {HUSH}\nrefused\n"
    scene.c01.on_run("docker exec", done(2, stderr=said))
    with pytest.raises(NodeError) as raised:
        scene.run()
    assert str(raised.value) == "c01: 'set up' database: two\nwith ***\nrefused"
    assert scene.said[2] == "c01: with ***"


def test_a_detail_shows_no_secret() -> None:
    scene = commanding()
    scene.c01.on_run("docker exec", done(stderr=f"the password is {HUSH}"))
    assert scene.run() == "the password is ***"


def test_a_command_that_says_nothing_and_fails_is_told_by_its_exit_code() -> None:
    scene = commanding()
    scene.c01.on_run("docker exec", done(124))
    with pytest.raises(NodeError, match="exit code 124, no message"):
        scene.run()


def test_a_command_is_called_by_its_last_word() -> None:
    assert RunCommand("c01", "kafka-skp", ("kafka-admin", "drain"), 5).verb == "drain"


def test_a_job_is_removed_with_its_files_once_it_has_ended() -> None:
    scene = job()
    wrote: list[dict[str, str]] = []
    wipe = scene.store.wipe

    def note(ran: Ran) -> Completed:
        wrote.append(scene.store.files["x-setup"])
        return wipe(ran)

    scene.c01.on_run("rm -rf", note)
    assert scene.run() == ""
    assert wrote[0]["password"] == HUSH
    assert (scene.store.there, scene.store.files) == ({}, {})


def test_a_job_that_fails_is_told_with_what_it_said_and_removed() -> None:
    scene = job()
    scene.store.ends = 4
    scene.c01.on("GET /containers/*/logs", content(frames(f"no table {HUSH}\n")))
    with pytest.raises(NodeError) as raised:
        scene.run()
    assert str(raised.value) == (
        "c01: x-setup ended with exit code 4; its last log lines:\n    no table ***"
    )
    assert (scene.store.there, scene.store.files) == ({}, {})


def test_a_job_that_does_not_end_in_time_is_removed() -> None:
    scene = job()
    scene.store.ends = None
    with pytest.raises(DeadlineError, match="x-setup did not end in 30 s; its last log lines:"):
        scene.run()
    assert (scene.store.there, scene.store.files) == ({}, {})


def test_what_a_killed_command_left_of_a_job_is_removed_first() -> None:
    scene = job()
    scene.store.add("x-setup", "left")
    scene.run()
    assert scene.store.there == {}


def test_a_job_whose_files_can_t_be_written_never_starts() -> None:
    scene = job()
    scene.c01.on_run("tar -xf", done(1, stderr="no space left on device"))
    with pytest.raises(NodeError, match="no space left"):
        scene.run()
    assert ("POST", "start") not in kept(scene)
    assert (scene.store.there, scene.store.files) == ({}, {})


def test_the_files_of_a_job_go_also_when_its_container_can_t_be_removed() -> None:
    scene = job()
    scene.c01.on("DELETE /containers/x-setup", refusal(404, "No such"), refusal(500, "stuck"))
    with pytest.raises(NodeError, match="removing x-setup: stuck"):
        scene.run()
    assert scene.store.files == {}


def test_a_job_without_files_leaves_none_to_remove() -> None:
    scene = job()
    assert isinstance(scene.operation, RunJob)
    scene.operation = replace(scene.operation, container=replace(JOB, files=()))
    scene.run()
    assert scene.store.there == {}
