"""Which lock a command takes: the master's, the Swarm's, or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cluster.connectors.base import Completed
from cluster.errors import NodeError
from cluster.lock import holder
from cluster.lock.holder import Holder, LockedError
from cluster.lock.lock import Lock, locked
from cluster.lock.swarm import LABEL_HOLDER
from cluster.model.decisions import Decisions
from cluster.model.state import State, Swarm
from tests.support.fake_configs import FakeConfigs
from tests.support.fakes import FakeFleet, Ran, done, fake_fleet, golden

ME = Holder("ann@desk", "docker.apply", "2026-11-28T10:00:00+00:00", "boot-1", 17, "900")
BARE = State({}, {}, None)
SWARM = State({}, {}, Swarm("c02", "swarm-1", {}, Decisions(), {}, {}, ("c01", "c02")))


def keep(ran: Ran) -> Completed:
    """Hold the file lock until its input ends."""
    assert not isinstance(ran.stdin, bytes)
    assert ran.on_line is not None
    ran.on_line("skp: taken")
    while ran.stdin.read(1):
        pass
    return done()


@pytest.fixture(autouse=True)
def me(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Holder, "me", lambda _: ME)


def ready(fleet: FakeFleet) -> FakeConfigs:
    for connection in fleet.connections.values():
        connection.on_run("flock", keep)
    return FakeConfigs(*fleet.connections.values())


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet("c01", "c02")


@pytest.fixture
def configs(fleet: FakeFleet) -> FakeConfigs:
    return ready(fleet)


@pytest.fixture
def lock(fleet: FakeFleet, configs: FakeConfigs) -> Iterator[Lock]:
    lock = Lock(fleet, "c01", "docker.apply", lambda _: None)
    yield lock
    lock.release()


def shape(fleet: FakeFleet) -> list[str]:
    """Return what was sent, each line cut after its first two words."""
    return [" ".join(line.partition("?")[0].split()[:3]) for line in fleet.wire]


def test_nothing_is_asked_before_the_lock_is_taken(lock: Lock, fleet: FakeFleet) -> None:
    assert (lock.me, lock.left, fleet.wire) == (ME, None, [])


def test_without_a_swarm_the_master_keeps_the_lock(lock: Lock, fleet: FakeFleet) -> None:
    lock.take(BARE)
    lock.check()
    assert shape(fleet) == ["c01: run: sudo"]


def test_without_a_swarm_it_is_taken_once(lock: Lock, fleet: FakeFleet) -> None:
    lock.take(BARE)
    lock.take(BARE)
    assert len(fleet.wire) == 1


def test_a_swarm_that_has_a_lock_needs_no_file(
    lock: Lock, fleet: FakeFleet, configs: FakeConfigs
) -> None:
    configs.put("skp-lock", {})
    lock.take(SWARM)
    lock.check()
    assert not any("run:" in line for line in fleet.wire)
    assert configs.labels("skp-lock")[LABEL_HOLDER] == ME.dumps()


def test_the_first_lock_of_a_swarm_is_created_under_the_file_lock(
    lock: Lock, fleet: FakeFleet
) -> None:
    lock.take(SWARM)
    lock.release()
    golden("lock-both", fleet.wire)


def test_a_swarm_that_began_meanwhile_adds_its_lock_to_the_one_of_the_master(
    lock: Lock, fleet: FakeFleet, configs: FakeConfigs
) -> None:
    lock.take(BARE)
    lock.take(SWARM)
    lock.take(SWARM)
    assert shape(fleet) == [
        "c01: run: sudo",
        "c01: GET /configs",
        "c01: POST /configs/create",
        "c01: GET /configs/id-skp-lock",
    ]


def test_the_locks_are_freed_in_reverse_order(
    lock: Lock, fleet: FakeFleet, configs: FakeConfigs, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[str] = []
    for module in ("file.FileLock", "swarm.SwarmLock"):
        monkeypatch.setattr(
            f"cluster.lock.{module}.release", lambda _, module=module: freed.append(module)
        )
    lock.take(BARE)
    lock.take(SWARM)
    lock.release()
    assert freed == ["swarm.SwarmLock", "file.FileLock"]


def test_without_a_swarm_and_a_master_that_answers_there_is_no_lock() -> None:
    fleet = fake_fleet("c01", "c02", unreachable=["c01"])
    with pytest.raises(NodeError, match="c01: can't be reached"):
        Lock(fleet, "c01", "docker.apply", print).take(BARE)


def test_the_first_lock_of_a_swarm_is_created_without_a_master_that_answers() -> None:
    fleet = fake_fleet("c01", "c02", unreachable=["c01"])
    ready(fleet)
    with locked(fleet, "c01", "docker.apply", SWARM, print) as lock:
        lock.check()
        assert shape(fleet)[:2] == ["c02: GET /configs", "c02: POST /configs/create"]


def test_who_died_with_the_lock_is_known(lock: Lock, configs: FakeConfigs) -> None:
    dead = replace(ME, machine=holder._machine(), born="1")
    configs.put("skp-lock", {LABEL_HOLDER: dead.dumps()})
    lock.take(SWARM)
    assert lock.left == dead


def test_a_file_lock_that_another_command_holds_keeps_the_first_lock_from_being_created(
    lock: Lock, fleet: FakeFleet, configs: FakeConfigs
) -> None:
    fleet.connections["c01"].on_run("flock", done(75))
    with pytest.raises(LockedError):
        lock.take(SWARM)
    assert configs.objects == {}


def test_either_lock_that_is_lost_is_told(
    lock: Lock, configs: FakeConfigs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: object) -> None:
        raise LockedError(None)

    lock.take(BARE)
    lock.take(SWARM)
    lock.check()
    for module in ("file.FileLock", "swarm.SwarmLock"):
        with monkeypatch.context() as context, pytest.raises(LockedError):
            context.setattr(f"cluster.lock.{module}.check", lost)
            lock.check()


def test_a_released_lock_is_good_for_nothing_more(lock: Lock) -> None:
    lock.take(BARE)
    lock.release()
    with pytest.raises(LockedError):
        lock.check()


def test_a_block_that_fails_frees_the_lock(fleet: FakeFleet, configs: FakeConfigs) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        locked(fleet, "c01", "docker.apply", SWARM, print),
    ):
        raise ZeroDivisionError
    assert configs.labels("skp-lock") == {}


def test_a_swarm_lock_that_is_refused_frees_the_file_lock(
    fleet: FakeFleet, configs: FakeConfigs
) -> None:
    ended: list[str] = []

    def note(ran: Ran) -> Completed:
        completed = keep(ran)
        ended.append("file")
        return completed

    fleet.connections["c01"].on_run("flock", note)
    for connection in fleet.connections.values():
        connection.on("POST /configs/create", ConnectionError("broken"))
    with pytest.raises(NodeError), locked(fleet, "c01", "docker.apply", SWARM, print):
        pass
    assert ended == ["file"]
