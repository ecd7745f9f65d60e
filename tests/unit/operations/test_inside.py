"""Commands inside containers: their ends, and what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.errors import DeadlineError
from cluster.operations.inside import ask
from tests.support.fake_clock import FakeClock
from tests.support.fakes import SHORT, FakeConnection, content, fake_node, reply


def connection(*codes: int | None) -> FakeConnection:
    c01 = FakeConnection("c01")
    c01.on("POST /containers/x/exec", reply({"Id": "e"}, 201))
    c01.on("POST /exec/e/start", content())
    c01.on("GET /exec/e/json", *(reply({"ExitCode": code}) for code in codes))
    return c01


def asked(c01: FakeConnection) -> tuple[int, str]:
    return ask(fake_node(c01, deadlines=replace(SHORT, request=5)), "x", ("a", "b"), "asking x")


def test_a_command_ends_with_its_code_and_what_it_said() -> None:
    c01 = FakeConnection("c01")
    c01.on_exec("x", "a b", (3, "  not\nyet \n"))
    assert asked(c01) == (3, "not\nyet")


def test_a_command_whose_output_ended_before_it_did_is_waited_for(clock: FakeClock) -> None:
    assert asked(connection(None, None, 0)) == (0, "")
    assert clock.slept == pytest.approx(0.2)


def test_a_command_that_does_not_end_has_no_code() -> None:
    with pytest.raises(DeadlineError, match="c01: asking x: a b does not end within 5 s"):
        asked(connection(None))
