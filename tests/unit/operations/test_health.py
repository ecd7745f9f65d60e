"""Waiting until a container works or has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster.config.secrets import Secret
from cluster.errors import BrokenError, DeadlineError, NodeError
from cluster.model.redaction import Mask
from cluster.operations.health import wait_ended, wait_healthy
from tests.support.fake_clock import FakeClock
from tests.support.fakes import (
    SHORT,
    FakeConnection,
    Reply,
    content,
    fake_node,
    frames,
    half,
    refusal,
    reply,
)

MASK = Mask([Secret("hush-hush")])
LOG = "; its last log lines:\n    one\n    with ***"


def look(status: str = "running", health: str = "", restarts: int = 0, code: int = 0) -> Reply:
    state: dict[str, Any] = {"Status": status, "Running": status == "running", "ExitCode": code}
    if health:
        state["Health"] = {"Status": health}
    return reply({"State": state, "RestartCount": restarts, "Config": {"Tty": False}})


def connection(*looks: Reply) -> FakeConnection:
    c01 = FakeConnection("c01")
    c01.on("GET /containers/x/json", *looks)
    c01.on("GET /containers/x/logs", content(frames("one\n", "with hush-hush\n")))
    return c01


def wait(c01: FakeConnection, seconds: float = 10) -> None:
    wait_healthy(fake_node(c01, deadlines=replace(SHORT, healthy=seconds)), "x", MASK)


def end(c01: FakeConnection, seconds: float = 10) -> None:
    wait_ended(fake_node(c01), "x", seconds, MASK)


@pytest.mark.parametrize("health", ["", "healthy"])
def test_a_container_that_works_is_looked_at_once(health: str) -> None:
    c01 = connection(look(health=health))
    wait(c01)
    assert c01.wire == ["GET /containers/x/json"]


def test_a_probe_that_does_not_say_so_yet_is_waited_for(clock: FakeClock) -> None:
    c01 = connection(look("created"), look(health="starting"), look(health="healthy"))
    wait(c01)
    assert len(c01.wire) == 3
    assert clock.slept == pytest.approx(0.3)


def test_a_container_that_ended_is_not_waited_for() -> None:
    with pytest.raises(NodeError) as raised:
        wait(connection(look(health="starting"), look("exited", code=137)))
    assert str(raised.value) == f"c01: x ended with exit code 137{LOG}"


def test_one_that_ended_once_before_its_database_came_may_still_come_up() -> None:
    wait(connection(look("restarting"), look("restarting", restarts=1), look(restarts=1)))


def test_a_container_that_keeps_ending_is_not_waited_for() -> None:
    looks = [look("restarting", restarts=count, code=1) for count in (4, 5, 6)]
    with pytest.raises(NodeError, match="x ended with exit code 1"):
        wait(connection(*looks))


@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_a_deadline_that_passes_is_told_with_what_it_said_and_where_to_look(health: str) -> None:
    with pytest.raises(DeadlineError) as raised:
        wait(connection(look(health=health)), seconds=0.2)
    assert raised.value.what == f"c01: x is {health} after 0 s{LOG}"
    assert raised.value.hint == "More of its log: ./skp.py docker.logs -n x --nodes c01"


def test_a_container_that_went_meanwhile_is_told() -> None:
    with pytest.raises(NodeError, match="waiting for x: No such container: x"):
        wait(connection(look(health="starting"), refusal(404, "No such container: x")))


def test_a_connection_that_breaks_while_it_is_looked_at_is_told() -> None:
    with pytest.raises(BrokenError, match="c01: waiting for x"):
        wait(connection(half(look())))


def test_a_log_that_can_t_be_read_hides_no_exit_code() -> None:
    c01 = connection(look("exited", code=3))
    c01.on("GET /containers/x/logs", refusal(500, "its log is damaged"))
    with pytest.raises(NodeError, match="ended with exit code 3; its log: its log is damaged"):
        wait(c01)


def test_few_lines_of_a_log_are_asked_for() -> None:
    c01 = connection(look("exited"))
    with pytest.raises(NodeError):
        wait(c01)
    assert any("/logs" in line and "tail=12" in line for line in c01.wire)


def test_a_job_that_ends_well_is_waited_for(clock: FakeClock) -> None:
    end(connection(look("created"), look(), look("exited")))
    assert clock.slept == pytest.approx(0.3)


def test_a_job_that_ends_with_another_code_than_0_is_an_error() -> None:
    with pytest.raises(NodeError) as raised:
        end(connection(look("exited", code=2)))
    assert str(raised.value) == f"c01: x ended with exit code 2{LOG}"


def test_a_job_that_does_not_end_is_told_with_what_it_said() -> None:
    with pytest.raises(DeadlineError) as raised:
        end(connection(look()), seconds=1)
    assert str(raised.value) == f"c01: x did not end in 1 s{LOG}"
