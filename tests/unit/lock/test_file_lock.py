"""The file lock on the master: a process there holds it as long as beats arrive."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.connectors.base import Completed
from cluster.connectors.local import LocalConnection
from cluster.connectors.node import Node
from cluster.errors import BrokenError, NodeError
from cluster.lock import file
from cluster.lock.holder import Holder, LockedError
from tests.support.eventually import eventually
from tests.support.fakes import SHORT, FakeConnection, Ran, done, fake_host, fake_node, golden

ME = Holder("ann@desk", "docker.apply", "2026-11-28T10:00:00+00:00", "boot-1", 17, "900")
OTHER = replace(ME, who="bob@laptop")


class Master:
    """The process on the master: says that it holds the lock, and reads beats until their end."""

    def __init__(self, *, says: str = "skp: taken") -> None:
        self.says = says
        self.beats = 0
        self.beat = threading.Event()
        self.stopped = threading.Event()
        self.broken: NodeError | None = None
        self.ended = threading.Event()

    def __call__(self, ran: Ran) -> Completed:
        assert not isinstance(ran.stdin, bytes)
        assert ran.on_line is not None
        if self.says:
            ran.on_line(self.says)
        while ran.stdin.read(1):
            self.beats += 1
            self.beat.set()
            if self.stopped.is_set():
                break
        self.ended.set()
        if self.broken:
            raise self.broken
        return done(0)


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection("c01")


@pytest.fixture
def node(connection: FakeConnection) -> Node:
    return fake_node(connection)


@pytest.fixture(autouse=True)
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "BEAT_SECONDS", 0.01)


def complaint(lock: file.FileLock) -> str:
    """Return what `check` says; "" when the lock is still held."""
    try:
        lock.check()
    except (LockedError, NodeError) as error:
        return str(error)
    return ""


def test_the_process_on_the_master_locks_and_names_the_holder(
    connection: FakeConnection, node: Node
) -> None:
    connection.on_run("flock", Master())
    lock = file.take(node, ME)
    lock.check()
    lock.release()
    golden("lock-file", connection.wire)


def test_the_process_is_not_bound_by_the_deadline_of_a_command(
    connection: FakeConnection, node: Node
) -> None:
    connection.on_run("flock", Master())
    file.take(node, ME).release()
    assert connection.commands[0].deadline >= 86400


def test_beats_are_written_while_the_lock_is_held(connection: FakeConnection, node: Node) -> None:
    master = Master()
    connection.on_run("flock", master)
    lock = file.take(node, ME)
    eventually(lambda: master.beats >= 3)
    lock.check()
    lock.release()


def test_releasing_ends_the_process_on_the_master(connection: FakeConnection, node: Node) -> None:
    master = Master()
    connection.on_run("flock", master)
    file.take(node, ME).release()
    assert master.ended.is_set()


def test_a_lock_that_another_command_holds_is_refused_with_its_holder(
    connection: FakeConnection, node: Node
) -> None:
    connection.on_run("flock", done(75, stderr=OTHER.dumps()))
    with pytest.raises(LockedError, match="bob@laptop") as refused:
        file.take(node, ME)
    assert refused.value.holder == OTHER


def test_a_lock_that_anything_else_holds_is_refused_too(
    connection: FakeConnection, node: Node
) -> None:
    connection.on_run("flock", done(75))
    with pytest.raises(LockedError, match="whose is not said"):
        file.take(node, ME)


def test_a_master_without_sudo_is_an_error_and_not_a_lock(
    connection: FakeConnection, node: Node
) -> None:
    connection.on_run("flock", done(1, stderr="sudo: a password is required"))
    with pytest.raises(NodeError, match=r"locking /run/skp\.lock: sudo: a password is required"):
        file.take(node, ME)


def test_a_connection_that_breaks_while_locking_is_told(
    connection: FakeConnection, node: Node
) -> None:
    connection.on_run("flock", BrokenError("c01", "the connection broke"))
    with pytest.raises(BrokenError, match="c01: the connection broke"):
        file.take(node, ME)


def test_a_master_that_says_nothing_is_given_up_and_its_process_ended(
    connection: FakeConnection,
) -> None:
    master = Master(says="")
    connection.on_run("flock", master)
    node = fake_node(connection, deadlines=replace(SHORT, request=0.05))
    with pytest.raises(NodeError, match="the lock on the master is not to be had"):
        file.take(node, ME)
    eventually(master.ended.is_set)


def test_other_lines_do_not_count_as_taken(connection: FakeConnection) -> None:
    connection.on_run("flock", Master(says="Welcome"))
    node = fake_node(connection, deadlines=replace(SHORT, request=0.05))
    with pytest.raises(NodeError):
        file.take(node, ME)


def test_a_process_that_ends_on_the_master_loses_the_lock(
    connection: FakeConnection, node: Node
) -> None:
    master = Master()
    connection.on_run("flock", master)
    lock = file.take(node, ME)
    assert complaint(lock) == ""
    master.stopped.set()
    eventually(lambda: complaint(lock))
    assert complaint(lock) == str(LockedError(None))
    lock.release()


def test_a_connection_that_breaks_later_loses_the_lock(
    connection: FakeConnection, node: Node
) -> None:
    master = Master()
    connection.on_run("flock", master)
    lock = file.take(node, ME)
    master.broken = BrokenError("c01", "the connection broke")
    master.stopped.set()
    eventually(lambda: complaint(lock))
    assert complaint(lock) == "c01: the connection broke"
    lock.release()


def test_an_interruption_while_waiting_frees_the_lock(
    connection: FakeConnection, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: file.FileLock) -> None:
        raise KeyboardInterrupt

    master = Master()
    connection.on_run("flock", master)
    monkeypatch.setattr(file.FileLock, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        file.take(node, ME)
    assert master.ended.is_set()


needs_flock = pytest.mark.skipif(shutil.which("flock") is None, reason="flock(1) is not here")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Give this machine as the master, with a lock file and a `sudo` of its own."""
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(file, "_SCRIPT", file._SCRIPT.replace(file.PATH, str(tmp_path / "lock")))
    return Node(fake_host("c01"), LocalConnection("c01"), replace(SHORT, request=5.0))


@needs_flock
def test_a_real_lock_is_held_by_one_command_until_it_is_released(here: Node) -> None:
    lock = file.take(here, ME)
    with pytest.raises(LockedError) as refused:
        file.take(here, OTHER)
    assert refused.value.holder == ME
    lock.check()
    lock.release()
    again = file.take(here, OTHER)
    again.check()
    again.release()


@needs_flock
def test_nobody_else_can_open_a_real_lock(here: Node, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(0o644)  # as an older version made it
    lock = file.take(here, ME)
    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()


@needs_flock
def test_a_real_lock_without_beats_ends_by_itself(
    here: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "BEAT_SECONDS", 60)
    patient = file._SCRIPT
    monkeypatch.setattr(file, "_SCRIPT", patient.replace("-t 30", "-t 0.1"))
    # (Not by take(), which a busy machine would let return after the end.)
    lock = file.FileLock(here, ME)
    eventually(lambda: complaint(lock))
    assert "whose is not said" in complaint(lock)
    monkeypatch.setattr(file, "_SCRIPT", patient)
    other = file.take(here, OTHER)
    other.check()
    for held in (other, lock):
        held.release()
