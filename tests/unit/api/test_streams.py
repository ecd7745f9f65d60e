"""Streams: what is told as it comes, how each ends, and how many there may be."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api import streams
from gate.protocol import Request
from tests.support.api_served import Served
from tests.support.api_stand_ins import looked, operation, refusal, row

LOG = f"/v1/projects/vision/operations/op_{7:026}/log"
LOGS = "/v1/projects/vision/deployments/web/logs"


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def events(answer: Any) -> Iterator[dict[str, str]]:
    """Yield the events of a stream, each by its fields."""
    found: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        key, _, value = line.partition(": ")
        if line and key:
            found[key] = value
        elif found:
            yield found
            found = {}


def told(*lines: str, **ended: Any) -> Callable[[Request], list[dict[str, Any]]]:
    end = {"result": operation(7, **ended)}
    return lambda _: [*({"line": line} for line in lines), end]


def test_an_operation_is_followed_to_its_end(served: Served) -> None:
    served.gate.answers["follow"] = told("bringing vision/web", "it works", state="succeeded")
    answer = served.ask("GET", LOG, stream=True)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    first, second, last = events(answer)
    assert (first["event"], first["data"], first["id"]) == ("line", "bringing vision/web", "1")
    assert (second["data"], last["event"]) == ("it works", "end")
    assert json.loads(last["data"])["state"] == "succeeded"
    again = served.ask("GET", LOG, headers={"Last-Event-ID": "1"}, stream=True)
    assert [each.get("id") for each in events(again)] == ["2", None]


def test_what_is_refused_at_once_has_its_status(served: Served) -> None:
    served.gate.answers["follow"] = refusal("not found")
    assert served.ask("GET", LOG).status_code == 404


def test_a_gate_that_ends_meanwhile_is_an_event(served: Served) -> None:
    served.gate.answers["follow"] = lambda _: [{"line": "bringing"}]
    first, last = events(served.ask("GET", LOG, stream=True))
    assert (first["data"], last["event"]) == ("bringing", "error")
    assert json.loads(last["data"])["status"] == 503


def test_logs_are_asked_for_as_they_are_wanted(served: Served) -> None:
    served.gate.answers["logs"] = lambda _: [{"line": "a\rb"}, {"result": {"failed": 0}}]
    found = [*events(served.ask("GET", f"{LOGS}?tail=5&follow=true", stream=True))]
    assert found[-1]["event"] == "end"
    asked = served.gate.last
    assert (asked.name, asked.tail, asked.follow) == ("web", "5", "yes")


def test_a_client_that_goes_ends_the_gates_work_and_gives_its_place_back(served: Served) -> None:
    ended = threading.Event()

    def endless(_: Request) -> Iterator[dict[str, Any]]:
        try:
            while True:
                yield {"line": "x" * 1000}
                time.sleep(0.01)
        finally:
            ended.set()

    served.gate.answers["logs"] = endless
    with served.ask("GET", LOGS, stream=True) as answer:
        found = events(answer)
        next(found)
        assert served.app.state.parts.streams._of["kim"] == 1
    until(ended.is_set)
    until(lambda: not served.app.state.parts.streams._of["kim"])


def test_an_account_has_so_many_streams(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_EACH", 2)
    until(lambda: not served.app.state.parts.streams._of["kim"])
    first = [served.ask("GET", "/v1/events", stream=True) for _ in range(2)]
    third = served.ask("GET", "/v1/events")
    assert (third.status_code, third.headers["Retry-After"]) == (429, "10")
    for each in first:
        each.close()
    until(lambda: not served.app.state.parts.streams._of["kim"])
    served.ask("GET", "/v1/events", stream=True).close()


def test_changes_are_told_as_they_come(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_LOOKING", 0.02)
    with served.ask("GET", "/v1/events", stream=True) as answer:
        found = events(answer)
        first = next(found)
        assert (first["event"], json.loads(first["data"])["phase"]) == ("deployment", "Running")
        assert next(found)["event"] == "listed"
        served.gate.answers["look"] = looked(row(phase="Failed"), row("lab", "secret-thing"))
        assert json.loads(next(found)["data"])["phase"] == "Failed"
        served.gate.answers["look"] = looked(row("lab", "secret-thing"))
        last = next(found)
        assert (last["event"], json.loads(last["data"])) == (
            "removed",
            {"project": "vision", "name": "web"},
        )


def test_a_stream_ends_when_its_token_counts_no_more(
    fresh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_CHECKED", 0.05)
    monkeypatch.setattr(streams, "_LOOKING", 0.02)
    monkeypatch.setattr("api.accounts._KEPT", 0)
    token = fresh.accounts.lasting("kim", vision="owner")
    hold = threading.Event()

    def held(_: Request) -> Iterator[dict[str, Any]]:
        yield {"line": "begun"}
        hold.wait(10)

    fresh.gate.answers["follow"] = held
    for path in (LOG, "/v1/events"):
        with fresh.ask("GET", path, token, stream=True) as answer:
            found = events(answer)
            next(found)
            said = fresh.accounts.tokens.pop(token)
            last = [*found][-1]
            assert (last["event"], json.loads(last["data"])["status"]) == ("error", 401)
        fresh.accounts.tokens[token] = said
    with fresh.ask("GET", LOG, token, stream=True) as answer:
        found = events(answer)
        next(found)
        fresh.accounts.tokens[token] = {**said, "projects": []}
        assert json.loads([*found][-1]["data"])["status"] == 404
    hold.set()
