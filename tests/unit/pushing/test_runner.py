"""Operations at the gate: handed in by the API, carried out one after another, gone on with."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gate import records, runner
from gate.operation import State
from gate.operations import Operations
from gate.protocol import Action, Request
from gate.records import State as Pushed
from gate.turns import Turns
from tests.support import gates
from tests.support.eventually import eventually
from tests.support.gates import FAILED, OK, Api, Reader, Worker, archive, ask

FILES = archive()


def test_what_is_handed_in_is_answered_at_once_and_carried_out(api: Api, tmp_path: Path) -> None:
    made = api.submit(key="k")
    assert (made["state"], made["deployment"], made["account"]) == ("pending", "web", "kim")
    assert Worker.begun.acquire(timeout=5)
    eventually(lambda: api.ask("operation", id=made["id"])["phase"] == "begun web")
    assert api.submit(key="k")["id"] == made["id"]
    Worker.may_end.set()
    ended = api.ends(made)
    assert (ended["state"], ended["revision"], ended["exit_code"]) == ("succeeded", 1, 0)
    (run,) = Worker.runs
    assert (run.action, run.verb, run.id, run.account) == ("operate", "apply", made["id"], "kim")
    assert not list(tmp_path.glob("vision/operations/*/files.tar"))


def test_who_follows_is_told_all_from_the_beginning(api: Api) -> None:
    made = api.submit()
    assert Worker.begun.acquire(timeout=5)
    lines: list[str] = []
    said = {"account": "lee", "project": "vision", "action": "follow", "id": made["id"]}
    with ThreadPoolExecutor() as pool:
        following = pool.submit(ask, api.path, said, b"", lines)
        eventually(lambda: lines)
        Worker.may_end.set()
        assert following.result(10)["state"] == "succeeded"
    assert lines == ["begun web"]
    again: list[str] = []
    assert ask(api.path, said, b"", again)["id"] == made["id"]
    assert again == lines


def test_a_client_that_goes_away_ends_nothing(api: Api) -> None:
    said = {"account": "kim", "project": "vision", "action": "submit", "verb": "apply"}
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(api.path))
        client.sendall(json.dumps({**said, "files": len(FILES)}).encode() + b"\n" + FILES)
    assert Worker.begun.acquire(timeout=5)
    (made,) = api.ask("operations")["operations"]
    Worker.may_end.set()
    assert api.ends(made)["state"] == "succeeded"


def test_operations_of_a_project_are_one_after_another(api: Api) -> None:
    made = [api.submit(name=f"d{number}") for number in range(5)]
    other = api.submit(name="d0")
    assert Worker.begun.acquire(timeout=5)
    listed = api.ask("operations")["operations"]
    assert [each["id"] for each in listed] == [each["id"] for each in (other, *reversed(made))]
    assert [each["state"] for each in listed] == [*["pending"] * 5, "running"]
    assert len(api.ask("operations", name="d0")["operations"]) == 2
    Worker.may_end.set()
    api.ends(other)
    assert [run.name for run in Worker.runs] == [f"d{number}" for number in (*range(5), 0)]
    assert Worker.most_at_once == 1


def test_an_operation_and_a_push_take_turns(api: Api, tmp_path: Path) -> None:
    api.submit()
    assert Worker.begun.acquire(timeout=5)
    push = {"account": "kim", "project": "vision", "action": "apply", "commit": "a" * 40}
    lines: list[str] = []
    with ThreadPoolExecutor() as pool:
        pushing = pool.submit(ask, tmp_path / "git", push, b"", lines)
        eventually(
            lambda: lines == ["waiting: another change of this project is being carried out"]
        )
        last = api.submit(name="later")
        Worker.may_end.set()
        assert pushing.result(10)["ok"]
    api.ends(last)
    assert [run.action for run in Worker.runs] == ["operate", "apply", "operate"]
    assert Worker.most_at_once == 1


def test_an_operation_waits_for_a_push_and_for_what_it_has_left(api: Api, tmp_path: Path) -> None:
    push = {"account": "kim", "project": "vision", "action": "apply", "commit": "a" * 40}
    with ThreadPoolExecutor() as pool:
        pushing = pool.submit(ask, tmp_path / "git", push)
        assert Worker.begun.acquire(timeout=5)
        made = api.submit()
        assert not Worker.begun.acquire(timeout=0.1)
        assert api.state(made) == "pending"
        records.keep_state(tmp_path, "vision", Pushed(running={"vision/web": 1}))
        Worker.may_end.set()
        pushing.result(10)
    api.ends(made)
    assert [run.action for run in Worker.runs] == ["apply", "recover", "operate"]


def test_one_that_fails_says_why_and_the_next_one_goes_on(api: Api) -> None:
    Worker.answers[Action.OPERATE] = [FAILED, OK]
    Worker.may_end.set()
    first, second = api.submit(), api.submit()
    assert api.ends(second)["state"] == "succeeded"
    found = api.ends(first)
    assert (found["state"], found["reason"], found["exit_code"]) == (
        "failed",
        "it does not work",
        1,
    )


def test_one_that_waits_is_cancelled_and_is_never_begun(api: Api) -> None:
    first, second = api.submit(), api.submit(verb="remove", name="api")
    assert Worker.begun.acquire(timeout=5)
    assert api.ask("cancel", id=second["id"])["state"] == "cancelled"
    Worker.may_end.set()
    api.ends(first)
    assert [run.verb for run in Worker.runs] == ["apply"]


def test_one_that_runs_is_taken_back(api: Api) -> None:
    made = api.submit()
    assert Worker.begun.acquire(timeout=5)
    assert api.ask("cancel", id=made["id"])["state"] in ("running", "cancelled")
    found = api.ends(made)
    assert (found["state"], found["exit_code"]) == ("cancelled", 130)
    assert found["reason"] == "cancelled: all is as it was before"


def test_one_that_has_ended_stays_as_it_ended(api: Api) -> None:
    Worker.may_end.set()
    made = api.submit()
    ended = api.ends(made)
    assert api.ask("cancel", id=made["id"]) == ended


def test_what_is_left_half_done_is_taken_back_by_another_worker(api: Api) -> None:
    unsettled = {**FAILED, "settled": False}
    Worker.answers = {Action.OPERATE: [unsettled], Action.SETTLE: [FAILED, {"ok": True}]}
    Worker.may_end.set()
    found = api.ends(api.submit())
    assert [run.action for run in Worker.runs] == ["operate", "settle", "settle"]
    assert (found["state"], found["reason"]) == ("failed", "it does not work")


def test_a_removal_that_was_left_half_done_is_done(api: Api) -> None:
    ended = {"ok": True, "exit_code": 0, "ended": "removed"}
    Worker.answers = {Action.OPERATE: [{"ok": False}], Action.SETTLE: [ended]}
    Worker.may_end.set()
    assert api.ends(api.submit(verb="remove"))["state"] == "succeeded"


def test_while_nobody_can_be_asked_it_is_tried_again(api: Api) -> None:
    Worker.answers = {Action.OPERATE: [{**FAILED, "away": True}, {**FAILED, "away": True}, OK]}
    Worker.may_end.set()
    assert api.ends(api.submit())["state"] == "succeeded"
    assert len(Worker.runs) == 3


def test_in_the_end_it_has_failed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_AWAY", 0)
    Worker.answers = {Action.OPERATE: [{**FAILED, "away": True, "error": "no manager answers"}]}
    Worker.may_end.set()
    assert api.ends(api.submit())["reason"] == "no manager answers"


def test_the_next_gate_goes_on_with_what_this_one_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ran is carried out again, and what waited is; a push that was cut short comes first."""
    Worker.reset()
    left = Operations(tmp_path)
    made = [
        left.submit(Request("kim", "vision", Action.SUBMIT, name=name, verb="apply"), FILES)
        for name in ("ran", "waits", "told")
    ]
    left.start(made[0])
    left.start(made[2])
    left.cancel(made[2])
    records.keep_state(tmp_path, "vision", Pushed(running={"vision/web": 1}))
    Worker.may_end.set()
    reader = Reader()
    with gates.gate(tmp_path, monkeypatch, reader):
        api = Api(tmp_path / "api", reader)
        ends = [api.ends({"id": each.id}) for each in made]
        assert records.state(tmp_path, "vision").running is None
    assert [each["state"] for each in ends] == ["succeeded", "succeeded", "cancelled"]
    assert [(run.action, run.name) for run in Worker.runs] == [
        ("recover", ""), ("operate", "ran"), ("operate", "waits"), ("settle", "told"),
    ]  # fmt: skip
    lines = list(Operations(tmp_path).follow("vision", made[0].id))
    assert lines == ["the gate was ended meanwhile: it goes on", "begun ran"]


def test_a_gate_that_is_told_to_end_leaves_them_for_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Worker.reset()
    reader = Reader()
    with gates.gate(tmp_path, monkeypatch, reader):
        api = Api(tmp_path / "api", reader)
        runs, waits = api.submit(), api.submit()
        assert Worker.begun.acquire(timeout=5)
    left = Operations(tmp_path)
    assert left.find("vision", runs["id"]).state is State.RUNNING
    assert left.find("vision", waits["id"]).state is State.PENDING


def test_one_that_nobody_can_be_asked_for_waits_for_the_next_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Worker.reset()
    Worker.answers = {Action.OPERATE: [{**FAILED, "away": True}]}
    Worker.may_end.set()
    reader = Reader()
    with gates.gate(tmp_path, monkeypatch, reader):
        made = Api(tmp_path / "api", reader).submit()
        assert Worker.begun.acquire(timeout=5)
    assert Operations(tmp_path).find("vision", made["id"]).state is State.RUNNING


def test_a_full_disk_is_told_and_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Worker.may_end.set()
    left, real = [OSError(28, "No space left on device")], Operations.end

    def end(self: Operations, *words: Any) -> Any:
        if left:
            raise left.pop()
        return real(self, *words)

    monkeypatch.setattr(Operations, "end", end)
    assert api.ends(api.submit())["state"] == "succeeded"
    assert "No space left" in capsys.readouterr().err
    monkeypatch.setattr(Operations, "submit", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    assert api.submit()["kind"] == "failed"


def _waits(turns: Turns, count: int) -> bool:
    return len(turns._waiting) == count


def test_those_who_wait_for_a_turn_get_it_in_their_order() -> None:
    turns, seen = Turns(), list[int]()

    def take(number: int) -> None:
        with turns.place() as turn:
            assert turn.wait(5)
            seen.append(number)

    with turns.place() as first:
        assert first.is_set()
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            eventually(partial(_waits, turns, number + 2))
        with turns.place() as gives_up:
            assert not gives_up.wait(0.01)
        assert seen == []
    for each in threads:
        each.join(5)
    assert seen == list(range(5))
