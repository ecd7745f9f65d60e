"""Whether a container is at work, and what is done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.errors import NodeError
from cluster.model.policy import Busy
from cluster.operations.base import BusyError
from cluster.operations.busy import leave_if_busy
from tests.support.fake_clock import FakeClock
from tests.support.fakes import SHORT, FakeConnection, fake_node, golden, refusal
from tests.support.faults import Fault, Obstacle
from tests.support.scenes import found

SERVER = found(busy=("is-busy", "-v"))


def connection(*results: tuple[int, str]) -> FakeConnection:
    c01 = FakeConnection("c01")
    if results:
        c01.on_exec(SERVER.id, "is-busy -v", *results)
    return c01


def ask(c01: FakeConnection, busy: Busy = Busy.SKIP, seconds: float = 60) -> None:
    leave_if_busy(fake_node(c01, deadlines=replace(SHORT, busy=seconds)), SERVER, busy)


def test_the_command_that_it_was_labelled_with_is_run_inside_it() -> None:
    c01 = connection((1, ""))
    ask(c01)
    golden("operation-busy", c01.wire)


def test_one_at_work_is_left_with_what_it_says() -> None:
    c01 = connection((0, "  2 kernels\n"))
    with pytest.raises(BusyError, match=r"^2 kernels$"):
        ask(c01)
    assert len(c01.wire) == 3


def test_one_at_work_that_does_not_say_with_what_is_left_too() -> None:
    with pytest.raises(BusyError, match=r"^it is at work$"):
        ask(connection((0, "")))


def test_nobody_waits_unless_that_is_wanted(clock: FakeClock) -> None:
    with pytest.raises(BusyError):
        ask(connection((0, "")))
    assert clock.slept == 0


def test_work_is_waited_for(clock: FakeClock) -> None:
    ask(connection((0, ""), (0, ""), (2, "no server")), Busy.WAIT)
    assert clock.slept == 4


def test_work_is_not_waited_for_for_ever(clock: FakeClock) -> None:
    with pytest.raises(BusyError, match="a job"):
        ask(connection((0, "a job")), Busy.WAIT, seconds=10)
    assert clock.slept == 10


def test_who_does_not_care_does_not_ask() -> None:
    c01 = connection()
    ask(c01, Busy.REPLACE)
    assert c01.wire == []


def test_a_container_that_can_t_be_asked_does_not_count_as_idle() -> None:
    c01 = connection((1, ""))
    c01.on("POST /containers/*/exec", refusal(409, "container is not running"))
    with pytest.raises(NodeError, match="asking whether x-skp is at work: container is not"):
        ask(c01)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.SILENT])
def test_whatever_fails_while_it_is_asked_it_does_not_count_as_idle(
    number: int, fault: Fault
) -> None:
    c01 = connection((1, "nothing to do\n"))
    c01.obstacle = Obstacle(fault, number)
    with pytest.raises(NodeError):
        ask(c01)
