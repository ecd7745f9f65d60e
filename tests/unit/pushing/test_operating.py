"""An operation as a worker carries it out: brought, taken back, removed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ConfigError, NodeError, SkpError
from gate import begun, operating
from gate.begun import Begun
from gate.ending import ENDING
from gate.protocol import Action, Request
from tests.support.operating import BROKEN, OF, Operation, Way
from workloads.accounts import NoAccountError
from workloads.wish import Applied


@pytest.mark.parametrize(("now", "revision"), [((), 1), ((4,), 5)])
def test_what_is_new_or_there_is_brought(
    now: tuple[int, ...], revision: int, it: Operation
) -> None:
    found = it.carry_out(way := Way(*now))
    assert (found["ok"], found["settled"], found["revision"]) == (True, True, revision)
    assert found["deployment"] == "web"
    assert way.asked == ["change", "finish"]
    assert it.note == Begun(OF, max(now, default=0), max(now, default=0))


def test_what_does_not_work_goes_back(it: Operation) -> None:
    way = Way(4)
    way.ends = BROKEN
    found = it.carry_out(way)
    assert (found["ok"], found["settled"], found["error"]) == (False, True, "it ended 3 times")
    assert (way.asked, way.now, found["revision"]) == (["change", "go back"], [4], 4)
    assert "old works" in it.told


def test_what_is_new_and_does_not_work_stays_to_be_looked_at(it: Operation) -> None:
    way = Way()
    way.ends = BROKEN
    found = it.carry_out(way)
    assert (found["ok"], found["settled"], way.now) == (False, True, [1])


@pytest.mark.parametrize("now", [(), (4,)])
def test_what_is_refused_changes_nothing(now: tuple[int, ...], it: Operation) -> None:
    way = Way(*now)
    way.refuse = ConfigError("no such image")
    found = it.carry_out(way)
    assert (found["kind"], found["settled"], way.now) == ("wrong", True, list(now))
    assert way.asked == ["change"]


@pytest.mark.parametrize("now", [(), (4,)])
def test_one_that_is_ended_is_taken_back(now: tuple[int, ...], it: Operation) -> None:
    way = Way(*now)
    way.ends = KeyboardInterrupt()
    found = it.carry_out(way)
    assert (found["exit_code"], found["settled"], way.now) == (130, True, list(now))
    assert "taken back: vision/web" in it.told


def test_a_change_is_ended_by_its_own_end_alone(it: Operation) -> None:
    class Told(Way):
        def change(self, form: Any, project: str) -> Applied:
            signal.raise_signal(signal.SIGINT)
            found = super().change(form, project)
            self.asked.append("the change ends")
            return found

    ENDING.listen()
    found = it.carry_out(way := Told(4))
    assert (found["exit_code"], found["settled"], way.now) == (130, True, [4])
    assert way.asked == ["change", "the change ends", "go back"]


@pytest.mark.parametrize(
    ("error", "settled"),
    [(NodeError("c01", "the connection broke"), False), (ConfigError("no room any more"), True)],
)
def test_what_could_not_be_taken_back_is_told(
    error: SkpError, settled: bool, it: Operation
) -> None:
    way = Way(4)
    way.ends, way.taking_back = BROKEN, error
    found = it.carry_out(way)
    assert (found["settled"], found["error"]) == (settled, "it ended 3 times")
    assert f"{OF}: it could not be taken back: {error.what}" in it.told


@pytest.mark.parametrize("was_begun", [False, True])
@pytest.mark.parametrize(
    ("error", "is_away"),
    [(NodeError("c01", "no manager answers"), True), (NoAccountError("kim is disabled"), False)],
)
def test_while_nobody_can_be_asked_nothing_is_done(
    error: SkpError, is_away: bool, was_begun: bool, it: Operation
) -> None:
    way = Way(4)
    way.enter = error
    if was_begun:
        it.was_begun(3)
    found = it.carry_out(way)
    assert (found["away"], found["settled"], way.asked) == (is_away, not was_begun, [])


def test_a_file_of_another_deployment_is_refused(it: Operation) -> None:
    found = it.carry_out(way := Way(4), name="api")
    assert found["error"] == "web, and the request says api"
    assert (found["settled"], way.asked, it.note) == (True, [], None)
    assert it.carry_out(way, name="")["deployment"] == "web"


# Removals.


@pytest.mark.parametrize(
    ("do", "now", "asked"),
    [
        ("first", (4,), ["remove", "forget"]),
        ("again", (4,), ["remove", "forget"]),
        ("again", (), ["remove", "forget"]),
        ("again", (5,), []),
    ],
)
def test_a_removal_is_carried_out_once_wherever_it_was(
    do: str, now: tuple[int, ...], asked: list[str], it: Operation
) -> None:
    if do == "again":
        it.was_begun(4)
    found = it.carry_out(way := Way(*now, kept=5), "remove")
    assert (found["ok"], found["settled"], found["rows"]) == (True, True, [])
    assert way.asked == asked, "one that somebody has made meanwhile stays"


def test_what_is_not_there_is_not_removed(it: Operation) -> None:
    for verb in ("remove", "rollback"):
        found = it.carry_out(Way(), verb)
        assert (found["kind"], found["settled"]) == ("not found", True)


def test_a_removal_that_has_begun_is_not_ended(it: Operation) -> None:
    class Told(Way):
        def remove(self, of: str, when: float) -> None:
            signal.raise_signal(signal.SIGINT)
            super().remove(of, when)

    ENDING.listen()
    assert it.carry_out(Told(4), "remove")["ok"]


def test_a_removal_that_was_cut_short_is_settled_by_its_end(it: Operation) -> None:
    it.was_begun(4)
    found = it.settle(way := Way(4), "remove")
    assert (found["ended"], found["ok"], way.now) == ("removed", True, [])


# Rollbacks.


@pytest.mark.parametrize(("to", "asked"), [(0, "to 3"), (2, "to 2")])
def test_a_rollback_goes_to_the_one_before_or_another(to: int, asked: str, it: Operation) -> None:
    found = it.carry_out(way := Way(4), "rollback", to=to)
    assert (found["ok"], found["revision"]) == (True, 5)
    assert way.asked == [asked, "finish"]
    assert it.note == Begun(OF, 4, 4, to or 3)


@pytest.mark.parametrize("now", [(4,), (4, 5), (5,)])
def test_after_a_kill_a_rollback_goes_where_it_was_to_go(
    now: tuple[int, ...], it: Operation
) -> None:
    it.was_begun(4, 3)
    found = it.carry_out(way := Way(*now, kept=5), "rollback")
    assert (found["ok"], way.asked) == (True, ["to 3", "finish"])


def test_a_plan_says_what_would_change(it: Operation) -> None:
    request = Request("kim", "vision", Action.PLAN_ONE, name="web")
    it.way = Way(4)
    found = operating.plan(it.session, request)
    assert (found["plan"], it.way.asked) == ([{"a": 1}], [])


def test_the_note_is_read_as_it_was_kept(tmp_path: Path) -> None:
    assert begun.read(tmp_path) is None
    kept = begun.keep(tmp_path, Begun(OF, 4, 5, 3))
    assert begun.read(tmp_path) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["begun.json"]
