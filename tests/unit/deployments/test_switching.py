"""The switch at the front door: what is told, taken back and removed, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import pytest

from cluster.errors import NodeError, SkpError
from cluster.model.route import Route, Routes
from workloads import revisions, switching
from workloads.carrying import Carrier
from workloads.doors import Doors
from workloads.ledger import Entry
from workloads.naming import Piece
from workloads.reservations import Reservations
from workloads.store import Found, Store
from workloads.wish import Applied, Reserved

AWAY = NodeError("c01", "it does not answer")
OLD, NEW = ({"shop": Route("team", "skp_team_door", (name,), 80)} for name in ("old", "new"))


def found(slot: int, revision: int, name: str) -> Found:
    return Found(Piece("team", "shop", 0, "web", slot), revision, name, 1, {"Name": name})


class Kept:
    """A store with one deployment, whose tasks can't always be told."""

    def __init__(self, led: Mapping[str, Route], *there: Found) -> None:
        self.routes, self.value, self.there = self, Routes(led, 1), list(there)
        self.fails = ""
        self.removed: list[str] = []

    def read(self) -> Routes:
        return self.value

    def change(self, step: Callable[[Routes], Routes]) -> None:
        self.value = step(self.value)

    def services(self, _: str) -> list[Found]:
        return self.there

    def tasks(self) -> Sequence[Mapping[str, Any]]:
        if self.fails == "tasks":
            raise AWAY
        return []

    def remove(self, gone: Found) -> None:
        if self.fails == "remove":
            raise AWAY
        self.removed.append(gone.id)


class Told:
    """Doors that note where they were told to lead; some tries fail."""

    def __init__(self, store: Kept, *failing: int) -> None:
        self.store, self.failing = store, failing
        self.seen: list[Mapping[str, Route]] = []

    def renew(self) -> list[str]:
        self.seen.append(self.store.value.by_host)
        if len(self.seen) in self.failing:
            raise AWAY
        return []

    def wait_drained(self, _: Collection[str], __: float) -> int:
        return 0


class Reserving:
    def set_back(self, *_: object) -> None: ...


def applied(ways: Mapping[str, Route] = NEW, *left: Found) -> Applied:
    before = (found(0, 1, "old"),)
    return Applied(
        "team/shop", 2, before, left or before, Reserved(Entry(), None), ways=ways, drain=1
    )


def over(store: Kept, doors: Told, wanted: Applied) -> tuple[str, ...]:
    return switching.over(cast("Store", store), cast("Doors", doors), wanted)


def finish(store: Kept, doors: Told, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setattr(revisions, "forget_old", lambda *_: None)
    reservations = cast("Reservations", Reserving())
    made = (cast("Store", store), reservations, cast("Any", None), cast("Doors", doors))
    return Carrier(cast("Any", None), cast("Any", None), *made).finish(applied())


def test_doors_that_could_not_be_told_are_led_back() -> None:
    store = Kept(OLD)
    doors = Told(store, 1)
    with pytest.raises(NodeError):
        over(store, doors, applied())
    assert doors.seen == [NEW, OLD]
    assert store.value.by_host == OLD


def test_what_is_led_to_already_is_told_again() -> None:
    """A command that was killed wrote the routes, and told no door."""
    store = Kept(OLD)
    doors = Told(store)
    assert over(store, doors, applied(OLD)) == ()
    assert doors.seen == [OLD]
    (why,) = over(store, Told(store, 1), applied(OLD))
    assert "no front door knows it yet: c01: it does not answer" in why


def test_names_are_given_up_though_no_door_answers() -> None:
    store = Kept(OLD)
    (why,) = over(store, Told(store, 1), applied({}))
    assert "no front door knows it yet" in why
    assert store.value.by_host == {}


def test_a_deployment_goes_though_no_door_answers() -> None:
    store = Kept(OLD)
    gone = [found(0, 1, "old")]
    switching.away(cast("Store", store), cast("Doors", Told(store, 1)), gone)
    assert store.value.by_host == {}


@pytest.mark.parametrize("fails", ["tasks", "remove"])
def test_what_fails_after_the_switch_takes_nothing_back(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    store = Kept(OLD, found(0, 1, "old"), found(1, 2, "new"))
    store.fails = fails
    (why,) = finish(store, Told(store), monkeypatch)
    assert "it does not answer" in why
    assert store.value.by_host == NEW


@pytest.mark.parametrize(("revision", "removed"), [(1, ["old"]), (3, [])])
def test_a_service_that_another_command_has_taken_meanwhile_stays(
    monkeypatch: pytest.MonkeyPatch, revision: int, removed: list[str]
) -> None:
    store = Kept(OLD, found(0, revision, "old"), found(1, 2, "new"))
    assert finish(store, Told(store), monkeypatch) == ()
    assert store.removed == removed


def test_no_door_that_can_be_told_is_an_error() -> None:
    with pytest.raises(SkpError, match="no front door runs"):
        Doors().renew()
