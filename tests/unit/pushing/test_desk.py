"""What the API is told by the gate, and what it may ask for whom."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gate import desk, server
from gate.protocol import Action
from tests.support import gates
from tests.support.eventually import eventually
from tests.support.gates import Api, Worker, archive, ask

FILES = archive()


def test_an_error_of_the_gates_own_is_told_and_ends_no_other(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look() -> None:
        raise KeyError("nothing")

    monkeypatch.setattr(api.reader, "look", look)
    assert api.ask("look")["error"].startswith("an error of SKP's own")
    assert "KeyError: 'nothing'" in capsys.readouterr().err
    assert api.ask("operations")["operations"] == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"account": "nobody"}, "not found"),
        ({"account": "gone"}, "forbidden"),
        ({"account": "lee"}, "forbidden"),
        ({"project": "other"}, "not found"),
        ({"files": archive(("Deployments/a/x", "Deployments/b/x"))}, "wrong"),
        ({"files": archive(("x",))}, "wrong"),
        ({"files": b"no archive"}, "wrong"),
    ],
)
def test_who_may_not_hands_nothing_in(said: dict[str, Any], kind: str, api: Api) -> None:
    found = api.submit(said.pop("files", FILES), **said)
    assert (found["ok"], found["kind"]) == (False, kind), found
    assert api.ask("operations")["operations"] == []
    assert Worker.runs == []


@pytest.mark.parametrize("action", ["operation", "follow", "cancel"])
def test_an_operation_that_is_not_ones_own_is_not_found(action: str, api: Api) -> None:
    made = api.submit()
    for more in ({"id": "op_" + "0" * 26}, {"id": made["id"], "account": "nobody"}):
        assert api.ask(action, **more)["kind"] == "not found"
    assert api.ask(action, id=made["id"], project="other")["kind"] == "not found"


def test_who_only_looks_cancels_nothing(api: Api) -> None:
    made = api.submit()
    assert api.ask("cancel", id=made["id"], account="lee")["kind"] == "forbidden"
    assert api.ask("operation", id=made["id"], account="lee")["id"] == made["id"]


def test_while_the_account_service_is_away_nothing_is_told(api: Api) -> None:
    api.reader.error = gates.away()
    for found in (api.submit(), api.ask("look"), api.ask("operations")):
        assert (found["kind"], found["ok"]) == ("away", False)


def test_an_account_sees_what_is_of_its_projects(api: Api) -> None:
    found = ask(api.path, {"account": "lee", "action": "look"})
    assert [(row["id"], row["deployment"]) for row in found["deployments"]] == [
        (0, "web"),
        (1, "api"),
    ]
    assert (found["nodes"], found["as_of"], found["unknown"]) == (api.reader.found.nodes, 12.0, "")
    assert len(api.ask("look", name="api")["deployments"]) == 1
    assert ask(api.path, {"account": "nobody", "action": "look"})["deployments"] == []
    assert api.ask("look", project="other")["kind"] == "not found"


def test_a_plan_is_carried_out_while_its_client_is_there(api: Api) -> None:
    Worker.answers = {Action.PLAN_ONE: [{"ok": True, "plan": []}]}
    Worker.may_end.set()
    assert api.ask("plan_one", FILES)["plan"] == []
    assert api.ask("plan_one", FILES, account="lee")["kind"] == "forbidden"
    assert api.ask("history", name="web")["rows"] == [{"revision": 1, "of": "vision/web"}]
    assert len(Worker.runs) == 1


@pytest.mark.parametrize("action", ["plan", "apply", "hold"])
def test_the_api_may_not_ask_for_what_is_gits(action: str, api: Api) -> None:
    assert api.ask(action)["error"] == f"{action} is not asked for here"
    assert Worker.runs == []


def test_another_users_process_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_peer", lambda _: 12345)
    assert api.submit()["error"] == "only services of the platform may ask"


def test_a_thousand_that_ask_at_once_are_answered_beside_slow_ones(api: Api) -> None:
    slow = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for each in slow:
        each.connect(str(api.path))
        each.sendall(b'{"account"')
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda _: api.ask("look"), range(1000)))
    assert {each["as_of"] for each in found} == {12.0}
    for each in slow:
        each.close()


def test_too_many_that_go_on_are_refused_and_others_are_served(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api.submit()
    assert Worker.begun.acquire(timeout=5)
    followers = [socket.socket(socket.AF_UNIX) for _ in range(desk._LONG + 1)]
    said = {"account": "kim", "project": "vision", "action": "follow", "id": made["id"]}
    refused = []
    for each in followers:
        each.settimeout(10)
        each.connect(str(api.path))
        each.sendall(json.dumps(said).encode() + b"\n")
        with each.makefile("rb") as answers:
            answer = json.loads(answers.readline())
            if "begun web" not in answer.values():
                refused.append(answer)
    assert len(refused) == 1
    assert "too many clients wait already" in refused[0]["line"]
    assert api.ask("look")["as_of"] == 12.0
    for each in followers:
        each.close()
    Worker.may_end.set()
    eventually(lambda: "id" in api.ask("follow", id=made["id"]))


def test_who_goes_on_takes_no_place_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Worker.reset()
    monkeypatch.setattr(server, "_MOST", 3)
    with gates.gate(tmp_path, monkeypatch, gates.Reader()), ThreadPoolExecutor(8) as pool:
        api = Api(tmp_path / "api", gates.Reader())
        made = api.submit()
        assert Worker.begun.acquire(timeout=5)
        following = [pool.submit(api.ask, "follow", id=made["id"]) for _ in range(8)]
        assert api.ask("look")["as_of"] == 12.0
        Worker.may_end.set()
        assert [each.result(10)["id"] for each in following] == [made["id"]] * 8
