"""The lock in the Swarm: taken when free or its holder is dead, and kept by beats."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import pytest
import requests

from cluster.lock import swarm
from cluster.lock.holder import Holder, LockedError
from cluster.lock.swarm import LABEL_BEAT, LABEL_HOLDER, Store, SwarmLock
from tests.support.eventually import eventually
from tests.support.fake_configs import FakeConfigs
from tests.support.fakes import FakeFleet, Reply, Request, fake_fleet, golden, refusal

NAME = "skp-lock"
ME = Holder("ann@desk", "docker.apply", "2026-11-28T10:00:00+00:00", "boot-1", 17, "900")
THERE = replace(ME, who="bob@laptop", machine="boot-2")  # of a machine that can't be looked at
LIVES = replace(Holder.me("docker.apply"), who="bob@desk")
DEAD = replace(LIVES, born="1")
BROKEN = requests.exceptions.ConnectionError("broken")


def labels(holder: Holder, beat: int = 0) -> dict[str, str]:
    return {LABEL_HOLDER: holder.dumps(), LABEL_BEAT: str(beat)}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No beats unless a test wants them; a silent holder counts as dead soon."""
    monkeypatch.setattr(swarm, "BEAT_SECONDS", 60)
    monkeypatch.setattr(swarm, "STALE_SECONDS", 0.05)
    monkeypatch.setattr(swarm, "_PAUSE", 0.01)


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swarm, "BEAT_SECONDS", 0.01)


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet("c01", "c02")


@pytest.fixture
def configs(fleet: FakeFleet) -> FakeConfigs:
    return FakeConfigs(*fleet.connections.values())


@pytest.fixture
def said() -> list[str]:
    return []


class Take(Protocol):
    def __call__(self, say: Callable[[str], None] = ...) -> SwarmLock: ...


@pytest.fixture
def take(fleet: FakeFleet, configs: FakeConfigs, said: list[str]) -> Iterator[Take]:
    store, locks = Store(fleet, ["c01", "c02"]), list[SwarmLock]()

    def take(say: Callable[[str], None] = said.append) -> SwarmLock:
        locks.append(swarm.take(store, store.read(), ME, say))
        return locks[-1]

    yield take
    for lock in locks:
        lock.release()


def holder(configs: FakeConfigs) -> Holder | None:
    return Holder.parse(configs.labels(NAME).get(LABEL_HOLDER, ""))


def complaint(lock: SwarmLock) -> str:
    """Return what `check` says; "" when the lock is still held."""
    try:
        lock.check()
    except LockedError as error:
        return str(error)
    return ""


def every(fleet: FakeFleet, pattern: str, answer: BaseException | Reply) -> None:
    for connection in fleet.connections.values():
        connection.on(pattern, answer)


def after(
    change: Callable[[], None], answer: Callable[[Request], Reply]
) -> Callable[[Request], Reply]:
    """Return an answer before which something else has happened."""

    def changed(request: Request) -> Reply:
        change()
        return answer(request)

    return changed


def lost(answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
    """Return an answer that is lost on the way although the request was carried out."""

    def broken(request: Request) -> Reply:
        answer(request)
        raise BROKEN

    return broken


def test_the_first_lock_of_a_swarm_is_created_with_its_holder(
    take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    taken = take()
    assert (holder(configs), taken.left) == (ME, None)
    golden("lock-first", fleet.wire)


def test_a_free_lock_is_taken_by_one_change(
    take: Take, configs: FakeConfigs, fleet: FakeFleet, said: list[str]
) -> None:
    configs.put(NAME, {})
    taken = take()
    assert (holder(configs), taken.left, said) == (ME, None, [])
    golden("lock-free", fleet.wire)


def test_a_lock_that_another_command_has_just_created_is_not_taken(
    take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    created = after(lambda: configs.put(NAME, labels(LIVES)), configs.create)
    fleet.connections["c01"].on("POST /configs/create", created)
    with pytest.raises(LockedError) as refused:
        take()
    assert (refused.value.holder, holder(configs)) == (LIVES, LIVES)


def test_a_lock_that_nobody_can_create_nor_read_is_not_taken(take: Take, fleet: FakeFleet) -> None:
    every(fleet, "POST /configs/create", refusal(409, "exists"))
    with pytest.raises(LockedError) as refused:
        take()
    assert refused.value.holder is None


def test_a_lock_that_was_created_though_the_answer_was_lost_is_ours(
    take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    fleet.connections["c01"].on("POST /configs/create", lost(configs.create))
    take().check()
    assert holder(configs) == ME
    assert not any("update" in line for line in fleet.wire)


def test_a_lock_that_was_taken_though_the_answer_was_lost_is_ours(
    take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    configs.put(NAME, {})
    fleet.connections["c01"].on("POST /configs/*/update", lost(configs.update))
    take().check()
    assert holder(configs) == ME


def test_a_lock_whose_holder_lives_on_this_machine_is_not_taken(
    take: Take, configs: FakeConfigs, fleet: FakeFleet, said: list[str]
) -> None:
    configs.put(NAME, labels(LIVES))
    with pytest.raises(LockedError, match="bob@desk") as refused:
        take()
    assert (refused.value.holder, said) == (LIVES, [])
    assert not any("POST" in line for line in fleet.wire)


def test_a_lock_whose_holder_died_on_this_machine_is_taken_over_at_once(
    take: Take, configs: FakeConfigs, said: list[str]
) -> None:
    configs.put(NAME, labels(DEAD))
    taken = take()
    assert (holder(configs), taken.left, said) == (ME, DEAD, [])


def test_a_lock_without_beats_from_elsewhere_is_taken_over_after_a_while(
    take: Take, configs: FakeConfigs, said: list[str]
) -> None:
    configs.put(NAME, labels(THERE))
    begun = time.monotonic()
    taken = take()
    assert time.monotonic() - begun >= 0.05
    assert (holder(configs), taken.left) == (ME, THERE)
    assert said == [f"waiting up to 0.05 s for a sign of {THERE}"]


def test_a_lock_with_beats_from_elsewhere_is_not_taken(take: Take, configs: FakeConfigs) -> None:
    configs.put(NAME, labels(THERE))
    with pytest.raises(LockedError, match="bob@laptop"):
        take(lambda _: configs.put(NAME, labels(THERE, beat=1)))
    assert holder(configs) == THERE


def test_a_lock_that_is_freed_meanwhile_is_taken_over_from_nobody(
    take: Take, configs: FakeConfigs
) -> None:
    configs.put(NAME, labels(THERE))
    taken = take(lambda _: configs.put(NAME, {}))
    assert (holder(configs), taken.left) == (ME, None)


def test_a_lock_that_another_command_takes_first_is_not_taken(
    take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    configs.put(NAME, {})
    taken = after(lambda: configs.put(NAME, labels(THERE)), configs.update)
    fleet.connections["c01"].on("POST /configs/*/update", taken)
    with pytest.raises(LockedError) as refused:
        take()
    assert (refused.value.holder, holder(configs)) == (THERE, THERE)


def test_a_held_lock_shows_that_its_holder_lives(
    beats: None, take: Take, configs: FakeConfigs
) -> None:
    taken = take()
    eventually(lambda: int(configs.labels(NAME)[LABEL_BEAT]) >= 3)
    taken.check()
    assert holder(configs) == ME
    taken.release()


def test_a_lock_that_another_command_took_over_is_lost(
    beats: None, take: Take, configs: FakeConfigs
) -> None:
    taken = take()
    configs.put(NAME, labels(THERE))
    eventually(lambda: complaint(taken))
    assert complaint(taken) == str(LockedError(THERE))


def test_a_lock_whose_beats_fail_for_too_long_is_lost(
    beats: None, take: Take, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swarm, "LOST_SECONDS", 0.3)
    taken = take()
    every(fleet, "POST /configs/*/update", BROKEN)
    eventually(lambda: complaint(taken))
    assert complaint(taken) == str(LockedError(None))


def test_a_beat_that_fails_once_loses_nothing(
    beats: None, take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    for connection in fleet.connections.values():
        connection.on("POST /configs/*/update", BROKEN, configs.update)
    taken = take()
    eventually(lambda: int(configs.labels(NAME)[LABEL_BEAT]) >= 4)
    taken.check()
    taken.release()


def test_a_released_lock_is_free_and_beats_no_more(
    beats: None, take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    taken = take()
    taken.release()
    assert configs.labels(NAME) == {}
    assert not taken._thread.is_alive()


def test_releasing_a_lost_lock_leaves_it_to_its_new_holder(
    beats: None, take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    taken = take()
    configs.put(NAME, labels(THERE))
    eventually(lambda: complaint(taken))
    fleet.wire.clear()
    taken.release()
    assert (fleet.wire, holder(configs)) == ([], THERE)


def test_releasing_a_lock_that_was_just_taken_over_leaves_it_too(
    take: Take, configs: FakeConfigs
) -> None:
    taken = take()
    configs.put(NAME, labels(THERE))
    taken.release()
    assert holder(configs) == THERE


def test_releasing_without_a_manager_that_answers_is_no_error(
    take: Take, configs: FakeConfigs, fleet: FakeFleet
) -> None:
    taken = take()
    every(fleet, "POST /configs/*/update", BROKEN)
    taken.release()
    assert holder(configs) == ME
