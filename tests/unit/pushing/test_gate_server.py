"""The gate's server on a real socket, with workers that only say what they are asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import records, server
from gate.records import State
from tests.support import gates
from tests.support.eventually import eventually
from tests.support.gates import Worker
from tests.support.receive import module

SAID = {"account": "kim", "project": "vision", "action": "apply", "commit": "a" * 40}
asking = module("asking")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The socket of a gate, at which git asks."""
    Worker.reset()
    with gates.gate(tmp_path, monkeypatch, gates.Reader()):
        yield str(tmp_path / "git")
        Worker.may_end.set()


def asked(path: str, said: dict[str, Any], lines: list[str] | None = None) -> Any:
    return asking.ask(said, b"", (lines if lines is not None else []).append, path)


def pushes(root: Path) -> list[dict[str, Any]]:
    folder = root / "vision" / "pushes"
    found = [json.loads(each.read_text()) for each in folder.glob("*.json")]
    return sorted(found, key=lambda each: int(each["id"]))


def test_a_push_is_carried_out_told_and_kept(path: str, tmp_path: Path) -> None:
    Worker.may_end.set()
    lines: list[str] = []
    found = asked(path, SAID, lines)
    assert (found["ok"], found["push"]) == (True, 1)
    assert json.loads(lines[0]) == {"line": "begun vision"}
    (kept,) = pushes(tmp_path)
    assert (kept["account"], kept["ended"], kept["revisions"]) == (
        "kim",
        "deployed",
        {"vision/web": 1},
    )
    assert (tmp_path / "vision" / "pushes" / "1.log").read_text() == "begun vision\n"


def test_a_plan_is_not_kept(path: str, tmp_path: Path) -> None:
    Worker.may_end.set()
    assert asked(path, {**SAID, "action": "plan"})["ok"]
    assert pushes(tmp_path) == []


def test_pushes_to_a_project_are_one_after_the_other(path: str, tmp_path: Path) -> None:
    lines: list[str] = []
    both = [threading.Thread(target=asked, args=(path, SAID, lines), daemon=True) for _ in range(2)]
    for each in both:
        each.start()
    assert Worker.begun.acquire(timeout=5)
    Worker.may_end.set()
    for each in both:
        each.join(20)
    assert [each["id"] for each in pushes(tmp_path)] == [1, 2]


def test_a_client_that_goes_away_has_its_push_taken_back(path: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(json.dumps(SAID).encode() + b"\n")
        assert Worker.begun.acquire(timeout=5)
    eventually(lambda: pushes(tmp_path))
    assert [each["ended"] for each in pushes(tmp_path)] == ["taken back"]


@pytest.mark.parametrize("said", [{**SAID, "action": "recover"}, {**SAID, "account": "x y"}, {}])
def test_a_wrong_request_is_refused(said: dict[str, Any], path: str) -> None:
    found = asked(path, said)
    assert (found["ok"], found["exit_code"], Worker.runs) == (False, 2, [])


def test_another_users_process_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_peer", lambda _: 12345)
    found = asked(path, SAID)
    assert (found["error"], Worker.runs) == ("only services of the platform may ask", [])


@pytest.mark.parametrize("action", ["submit", "look", "operations", "logs"])
def test_git_may_ask_for_nothing_else(action: str, path: str) -> None:
    more = {"verb": "remove", "name": "web"} if action == "submit" else {}
    said = {"account": "kim", "project": "vision", "action": action, **more}
    assert asked(path, said)["error"] == f"{action} is not asked for here"


def test_what_a_killed_gate_had_begun_is_taken_back_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Worker.reset()
    records.keep_state(tmp_path, "vision", State(running={"vision/web": 1}))
    with gates.gate(tmp_path, monkeypatch, gates.Reader()):
        eventually(lambda: not records.unfinished(tmp_path))


def test_without_a_gate_a_push_is_refused(tmp_path: Path) -> None:
    with pytest.raises(module("refs").RefusedError, match="the gate does not answer"):
        asked(str(tmp_path / "none"), SAID)
