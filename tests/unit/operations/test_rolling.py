"""Whether the next container of a service may be touched, and whether one may go for good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.errors import DeadlineError, NodeError
from cluster.model.policy import Busy
from cluster.operations.rolling import may_go, wait_ready
from tests.support.fake_clock import FakeClock
from tests.support.fakes import SHORT, FakeConnection, fake_node, golden, refusal
from tests.support.faults import Fault, Obstacle
from tests.support.scenes import found

COMMAND = ("may-next", "2")
LEAVING = found(removal_check=("may-go",))


def connection(*results: tuple[int, str]) -> FakeConnection:
    c01 = FakeConnection("c01")
    c01.on_exec("x-skp", "may-", *results)
    return c01


def wait(c01: FakeConnection, busy: Busy = Busy.SKIP, command: tuple[str, ...] = COMMAND) -> None:
    wait_ready(fake_node(c01, deadlines=replace(SHORT, settled=5)), "x-skp", command, busy)


def go(c01: FakeConnection, busy: Busy = Busy.SKIP, status: str = "running") -> None:
    may_go(fake_node(c01), replace(LEAVING, status=status), busy)


def test_a_service_that_has_recovered_is_asked_once() -> None:
    c01 = connection((0, ""))
    wait(c01)
    golden("operation-ready", c01.wire)


def test_asking_may_take_as_long_as_starting_a_program() -> None:
    c01 = connection((0, ""))
    node = fake_node(c01, deadlines=replace(SHORT, start=45))
    wait_ready(node, "x-skp", COMMAND, Busy.SKIP)
    assert [request.timeout for request in c01.requests] == [45, 45, 45]


def test_a_service_is_waited_for(clock: FakeClock) -> None:
    wait(connection((1, "not yet"), (1, "not yet"), (0, "")))
    assert clock.slept == 2


def test_a_service_that_does_not_recover_is_told_with_what_it_says(clock: FakeClock) -> None:
    with pytest.raises(DeadlineError) as raised:
        wait(connection((1, "topic a lacks a replica\n")))
    assert raised.value.what == (
        "c01: x-skp may not be followed by the next after 5 s: topic a lacks a replica"
    )
    assert clock.slept == 5


def test_a_service_that_says_nothing_is_told_by_its_exit_code() -> None:
    with pytest.raises(DeadlineError, match="may-next 2 ended with 3"):
        wait(connection((3, "")))


@pytest.mark.parametrize(("busy", "command"), [(Busy.REPLACE, COMMAND), (Busy.WAIT, ())])
def test_who_does_not_care_and_who_can_t_be_asked_is_not_asked(
    busy: Busy, command: tuple[str, ...]
) -> None:
    c01 = connection((1, ""))
    wait(c01, busy, command)
    assert c01.wire == []


def test_a_container_that_can_t_be_asked_does_not_count_as_ready() -> None:
    c01 = connection((0, ""))
    c01.on("POST /containers/*/exec", refusal(409, "container is restarting"))
    with pytest.raises(NodeError, match="asking x-skp whether it can be missed: container is"):
        wait(c01)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.SILENT])
def test_whatever_fails_while_it_is_asked_it_does_not_count_as_ready(
    number: int, fault: Fault
) -> None:
    c01 = connection((0, "all is well\n"))
    c01.obstacle = Obstacle(fault, number)
    with pytest.raises(NodeError):
        wait(c01)


def test_a_container_that_says_so_may_go() -> None:
    go(connection((0, "")))


def test_a_container_that_may_not_go_is_not_waited_for(clock: FakeClock) -> None:
    c01 = connection((1, "it has the only copy"))
    with pytest.raises(NodeError) as raised:
        go(c01)
    assert raised.value.what == "c01: x-skp may not go yet: it has the only copy"
    assert raised.value.hint == "It was left as it is; --busy replace does not care."
    assert (clock.slept, len(c01.wire)) == (0, 3)


def test_a_container_that_does_not_run_can_t_say_that_it_may_go() -> None:
    c01 = connection((0, ""))
    with pytest.raises(NodeError, match="x-skp is exited and can't say whether it may go"):
        go(c01, status="exited")
    assert c01.wire == []


def test_who_does_not_care_takes_it_away_unasked() -> None:
    c01 = connection((1, ""))
    go(c01, Busy.REPLACE, "exited")
    may_go(fake_node(c01), found(), Busy.SKIP)
    assert c01.wire == []
