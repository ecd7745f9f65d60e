"""What operations on containers are made of, where the engine refuses it."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest

from cluster.errors import BrokenError, NodeError
from cluster.model.spec import Mount
from cluster.operations.container import CreateContainer
from cluster.operations.container_start import make_folders, write_files
from tests.support.fakes import FakeConnection, done, fake_node, refusal
from tests.support.operation_scenes import creating
from tests.support.scenes import CONTAINER, HUSH, Scene, replacing

TRIES = 3
NOT_READY = refusal(500, "could not find a network matching network mode net-skp")


def lines(scene: Scene, verb: str) -> int:
    return sum(verb in line for line in scene.c01.wire)


def test_a_network_that_is_not_ready_has_the_container_made_anew() -> None:
    scene = creating()
    started = scene.store.start
    scene.c01.on("POST /containers/*/start", NOT_READY, started)
    assert scene.run() == "started at attempt 2"
    assert scene.store.there == {"x-skp": "running"}
    assert scene.store.ids("x-skp") == ["made-2"]


def test_a_container_that_does_not_start_is_removed_after_three_attempts() -> None:
    scene = creating()
    scene.c01.on("POST /containers/*/start", NOT_READY)
    with pytest.raises(NodeError, match="starting x-skp: could not find a network"):
        scene.run()
    assert lines(scene, "/start") == TRIES
    assert scene.store.there == {}


def test_without_a_network_there_is_nothing_to_wait_for() -> None:
    scene = creating()
    assert isinstance(scene.operation, CreateContainer)
    scene.operation = replace(scene.operation, container=replace(CONTAINER, network="host"))
    scene.c01.on("POST /containers/*/start", refusal(500, "port is already allocated"))
    with pytest.raises(NodeError, match="port is already allocated"):
        scene.run()
    assert lines(scene, "/start") == 1
    assert scene.store.there == {}


def test_a_container_that_its_runtime_lost_is_made_anew_without_a_network_too() -> None:
    scene = creating()
    assert isinstance(scene.operation, CreateContainer)
    scene.operation = replace(scene.operation, container=replace(CONTAINER, network="host"))
    lost = "runc create failed: unable to start container process: waiting for init preliminary "
    again = refusal(500, f"{lost}setup: read init-p: connection reset by peer")
    scene.c01.on("POST /containers/*/start", again, scene.store.start)
    assert scene.run() == "started at attempt 2"
    assert scene.store.there == {"x-skp": "running"}


def test_why_it_does_not_start_is_told_also_when_it_can_t_be_removed() -> None:
    scene = creating()
    scene.c01.on("POST /containers/*/start", NOT_READY)
    scene.c01.on("DELETE /containers/made-1", refusal(500, "driver failed to remove"))
    with pytest.raises(NodeError, match="could not find a network"):
        scene.run()


def test_a_connection_that_breaks_while_it_starts_is_not_tried_again() -> None:
    scene = creating()
    scene.c01.on("POST /containers/*/start", ConnectionResetError("reset"))
    with pytest.raises(BrokenError):
        scene.run()
    assert lines(scene, "/start") == 1


def test_starting_has_its_own_deadline() -> None:
    scene = creating()
    scene.allow(start=45)
    scene.run()
    (asked,) = [r for r in scene.c01.requests if r.path.endswith("/start")]
    assert asked.timeout == 45


def test_a_replacement_that_fails_to_start_leaves_nothing_that_counts_as_made() -> None:
    scene = replacing()
    scene.c01.on("POST /containers/*/start", NOT_READY)
    with pytest.raises(NodeError):
        scene.run()
    assert scene.store.there == {}


def test_files_are_for_the_container_s_user_alone() -> None:
    c01 = FakeConnection("c01")
    c01.on_run("tar", done())
    write_files(fake_node(c01), CONTAINER)
    (ran,) = c01.commands
    assert isinstance(ran.stdin, bytes)
    with tarfile.open(fileobj=io.BytesIO(ran.stdin)) as archive:
        entries = {e.name: (e.uid, e.gid, e.mode, e.size) for e in archive}
    assert entries == {"password": (1000, 1000, 0o400, 9), "x.conf": (1000, 1000, 0o400, 4)}
    assert HUSH in ran.stdin.decode()


def test_what_has_no_files_and_no_folders_needs_no_root() -> None:
    c01 = FakeConnection("c01")
    bare = replace(CONTAINER, files=(), mounts=(Mount("/srv/x", "/data"),))
    make_folders(fake_node(c01), bare)
    write_files(fake_node(c01), bare)
    assert c01.wire == []


def test_a_user_without_sudo_is_told_what_is_missing() -> None:
    scene = creating()
    scene.c01.on_run("sudo", done(1, stderr="sudo: a password is required"))
    with pytest.raises(NodeError, match="sudo wants the SSH user's password") as raised:
        scene.run()
    assert "host.install -p" in raised.value.hint
    assert scene.store.there == {}


def test_a_half_made_container_that_can_t_be_removed_is_told() -> None:
    scene = creating()
    scene.c01.on("DELETE /containers/x-skp.new", refusal(409, "removal is already in progress"))
    with pytest.raises(NodeError, match="creating x-skp: removal is already in progress"):
        scene.run()
