"""The audit trail's lines, put together to commands."""

from __future__ import annotations

from typing import Any

from cluster.commands.history import commands


def line(second: int, event: str, process: int = 7, **more: Any) -> dict[str, Any]:
    time = f"2026-01-02T03:04:{second:02}.000+00:00"
    return {
        "time": time, "who": "ann@host", "process": process, "command": "docker.apply",
        "event": event, **more,
    }  # fmt: skip


def step(outcome: str, name: str = "registry-skp") -> dict[str, str]:
    return {"action": "create", "name": name, "node": "c02", "outcome": outcome}


def test_a_command_is_what_it_changed_how_long_it_took_and_how_it_ended() -> None:
    steps = [step("done"), step("unchanged", "a"), step("failed", "b")]
    (found,) = commands([line(1, "begin"), line(4, "end", outcome="failed", steps=steps)])
    assert found == {
        "time": "2026-01-02T03:04:01.000+00:00",
        "who": "ann@host",
        "command": "docker.apply",
        "changed": ["create registry-skp on c02"],
        "failed": ["create b on c02"],
        "seconds": 3.0,
        "outcome": "failed",
    }


def test_two_at_once_are_not_confused() -> None:
    found = commands(
        [
            line(1, "begin", 7), line(2, "begin", 8), line(5, "end", 7, outcome="done", steps=[]),
            line(9, "end", 8, outcome="interrupted", steps=[]),
        ]
    )  # fmt: skip
    assert [(c["seconds"], c["outcome"]) for c in found] == [(4.0, "done"), (7.0, "interrupted")]


def test_one_that_died_is_unfinished_also_when_its_process_number_comes_again() -> None:
    found = commands([line(1, "begin"), line(5, "begin"), line(6, "end", outcome="done", steps=[])])
    assert [c["outcome"] for c in found] == ["unfinished", "done"]


def test_an_end_whose_beginning_is_gone_counts() -> None:
    (found,) = commands([line(6, "end", outcome="done", steps=[step("done")])])
    assert (found["seconds"], found["changed"]) == (None, ["create registry-skp on c02"])
