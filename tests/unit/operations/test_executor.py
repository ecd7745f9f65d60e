"""Carrying out operations: waves, failures that stop nobody else, and interruptions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

import pytest

from cluster.errors import BrokenError, NodeError
from cluster.lock.holder import LockedError
from cluster.model.item import Action, Item, Keep, Key, Kind
from cluster.model.policy import Progress
from cluster.model.result import Outcome, Result
from cluster.operations.base import BusyError, Context, Operation
from cluster.operations.executor import attempt, execute
from tests.support.fake_clock import FakeClock
from tests.support.fakes import FakeFleet, fake_fleet


@dataclass(frozen=True)
class Do(Operation):
    """Something that a test does and notes."""

    name: str
    node: str = "c01"
    deed: Callable[[], object] = field(default=lambda: "", compare=False)
    service: str = ""
    after: tuple[str, ...] = ()
    order: int = 0
    via: str = ""
    kind: Kind = Kind.CONTAINER
    action = Action.CREATE

    @property
    def performer(self) -> str:
        return self.via or self.node

    def execute(self, _: Context) -> str:
        found = self.deed()
        return found if isinstance(found, str) else ""


def failing(error: BaseException) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


BROKEN = failing(NodeError("c01", "it is off", "switch it on"))


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet("c01", "c02", "c03", unreachable=["c03"])


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def context(fleet: FakeFleet, said: list[str]) -> Context:
    return Context(fleet, Progress(said.append))


def ended(
    context: Context, items: Iterable[Item], failed: Collection[Key] = frozenset()
) -> dict[str, Outcome]:
    return {r.item.name: r.outcome for r in execute(context, items, failed)}


def one(context: Context, deed: Callable[[], object]) -> Result:
    (result,) = execute(context, [Do("x", deed=deed)])
    return result


def test_what_an_operation_says_is_the_detail_of_its_result(context: Context) -> None:
    result = one(context, lambda: "at attempt 2")
    assert (result.outcome, result.detail, result.hint) == (Outcome.DONE, "at attempt 2", "")
    assert result.ok


def test_each_operation_is_told_before_it_is_carried_out(context: Context, said: list[str]) -> None:
    one(context, lambda: said.append("carried out"))
    assert said == ["c01: create x", "carried out"]


def test_how_long_it_took_is_measured(context: Context, clock: FakeClock) -> None:
    assert one(context, lambda: clock.sleep(7)).seconds == pytest.approx(7, abs=0.1)


def test_only_operations_are_carried_out(context: Context) -> None:
    kept = Keep(Kind.CONTAINER, "c01", "kept")
    assert ended(context, [kept, Do("x")]) == {"x": Outcome.DONE}


def test_a_wave_begins_when_the_one_before_is_through(context: Context) -> None:
    done: list[str] = []
    items = [
        Do("jupyter", deed=lambda: done.append("jupyter"), service="jupyter", after=("mysql",)),
        Do("mysql", "c02", lambda: done.append("mysql"), "mysql"),
        Do("image", deed=lambda: done.append("image"), kind=Kind.IMAGE),
    ]
    assert set(ended(context, items).values()) == {Outcome.DONE}
    assert done == ["image", "mysql", "jupyter"]


def test_all_nodes_work_at_once(context: Context) -> None:
    together = threading.Barrier(2)

    def meet() -> None:
        together.wait(5)

    items = [Do("x", "c01", meet), Do("y", "c02", meet)]
    assert set(ended(context, items).values()) == {Outcome.DONE}


def test_operations_of_one_performer_go_one_after_another(context: Context) -> None:
    threads: list[int] = []
    items = [
        Do(name, node, lambda: threads.append(threading.get_ident()), via="c02")
        for name, node in (("x", "c01"), ("y", "c02"))
    ]
    ended(context, items)
    assert len(set(threads)) == 1


def test_a_failure_is_told_with_its_hint_and_without_the_node_twice(context: Context) -> None:
    result = one(context, BROKEN)
    assert (result.outcome, result.detail) == (Outcome.FAILED, "it is off")
    assert result.hint == "switch it on"
    assert not result.ok


def test_a_failure_of_another_node_keeps_its_name(context: Context) -> None:
    result = one(context, failing(NodeError("c02", "no quorum")))
    assert result.detail == "c02: no quorum"


def test_a_failure_stops_no_other_node_and_nothing_else_on_its_own(context: Context) -> None:
    items = [Do("bad", deed=BROKEN), Do("good"), Do("other", "c02")]
    assert ended(context, items) == {
        "bad": Outcome.FAILED,
        "good": Outcome.DONE,
        "other": Outcome.DONE,
    }


def test_what_builds_on_a_failure_is_skipped_with_the_reason(context: Context) -> None:
    done: list[str] = []
    items = [
        Do("mysql-skp", "c02", BROKEN, "mysql"),
        Do("airflow", deed=lambda: done.append("airflow"), service="airflow", after=("mysql",)),
        Do("spark", deed=lambda: done.append("spark"), service="spark"),
    ]
    results = {r.item.name: r for r in execute(context, items)}
    assert results["airflow"].outcome is Outcome.SKIPPED
    assert results["airflow"].detail == "it needs mysql-skp on c02, which failed"
    assert done == ["spark"]


def test_what_builds_on_what_was_skipped_is_skipped_too(context: Context) -> None:
    items = [
        Do("a", deed=BROKEN, service="a"),
        Do("b", service="b", after=("a",)),
        Do("c", service="c", after=("b",)),
    ]
    assert list(ended(context, items).values()) == [
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.SKIPPED,
    ]


def test_a_node_that_is_not_connected_fails_and_is_not_built_upon(context: Context) -> None:
    items = [
        Do("mysql", "c03", service="mysql"),
        Do("airflow", service="airflow", after=("mysql",)),
    ]
    mysql, airflow = execute(context, items)
    assert (mysql.outcome, mysql.detail) == (Outcome.FAILED, "c03: can't be reached")
    assert airflow.outcome is Outcome.SKIPPED


def test_a_rolling_change_ends_with_its_first_failure(context: Context) -> None:
    items = [
        Do(f"kafka-{place}", deed=BROKEN if place == 2 else str, service="kafka", order=place)
        for place in (1, 2, 3)
    ]
    assert list(ended(context, items).values()) == [
        Outcome.DONE,
        Outcome.FAILED,
        Outcome.SKIPPED,
    ]


def test_what_failed_before_is_not_tried_again_and_not_built_upon(context: Context) -> None:
    before = Do("mysql", deed=lambda: pytest.fail("tried again"), service="mysql")
    later = Do("airflow", service="airflow", after=("mysql",))
    assert ended(context, [before, later], {before.key}) == {"airflow": Outcome.SKIPPED}


def test_work_in_progress_is_no_failure(context: Context) -> None:
    result = one(context, failing(BusyError("2 kernels run")))
    assert (result.outcome, result.detail) == (Outcome.BUSY, "2 kernels run")
    assert "--busy wait" in result.hint
    assert result.ok


def test_what_builds_on_a_busy_container_is_carried_out(context: Context) -> None:
    items = [
        Do("a", deed=failing(BusyError("")), service="a"),
        Do("b", service="b", after=("a",)),
    ]
    assert ended(context, items)["b"] is Outcome.DONE


def test_without_the_lock_nothing_more_is_carried_out(fleet: FakeFleet) -> None:
    done: list[str] = []

    def check() -> None:
        if done:
            raise LockedError(None)

    items = [
        Do("x", deed=lambda: done.append("x")),
        Do("y", deed=lambda: done.append("y"), kind=Kind.SERVICE),
        Do("z", "c02", deed=lambda: done.append("z"), kind=Kind.SERVICE),
    ]
    results = {r.item.name: r for r in execute(Context(fleet, Progress(print), check), items)}
    assert done == ["x"]
    for name in ("y", "z"):
        assert results[name].outcome is Outcome.SKIPPED
        assert results[name].detail.startswith("the lock was lost: another command")


def test_a_lock_that_is_lost_meanwhile_ends_an_operation_as_skipped(context: Context) -> None:
    result = one(context, failing(LockedError(None)))
    assert result.outcome is Outcome.SKIPPED
    assert not result.ok


def test_a_fault_of_ours_is_reported_and_stops_nothing(context: Context) -> None:
    items = [Do("bad", deed=failing(KeyError("State"))), Do("good")]
    bad, good = execute(context, items)
    assert (bad.outcome, good.outcome) == (Outcome.FAILED, Outcome.DONE)
    assert bad.detail == "c01: unexpected KeyError: 'State'"
    assert "please report it" in bad.hint


def test_a_node_that_breaks_while_it_is_told_fails_alone(fleet: FakeFleet) -> None:
    def say(line: str) -> None:
        if line.startswith("c01"):
            raise BrokenError("c01", "the terminal is gone")

    context = Context(fleet, Progress(say))
    assert ended(context, [Do("x"), Do("y", "c02")]) == {"y": Outcome.DONE, "x": Outcome.FAILED}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_ends_everything_and_what_was_done_is_known(
    context: Context, interruption: type[BaseException]
) -> None:
    known: list[str] = []
    items = [
        Do("first", kind=Kind.SWARM),
        Do("second", deed=failing(interruption()), kind=Kind.IMAGE),
        Do("third", deed=lambda: pytest.fail("went on")),
    ]
    with pytest.raises(interruption):
        for result in execute(context, items):
            known.append(result.item.name)  # noqa: PERF401 - as far as it came
    assert known == ["first"]


def test_a_wave_begins_only_when_its_results_are_asked_for(context: Context) -> None:
    done: list[str] = []
    items = [
        Do("first", deed=lambda: done.append("first"), kind=Kind.SWARM),
        Do("second", deed=lambda: done.append("second")),
    ]
    results = execute(context, items)
    assert done == []
    assert next(results).item.name == "first"
    assert done == ["first"]


def test_one_operation_alone_is_attempted_in_the_same_way(context: Context) -> None:
    assert attempt(context, Do("x", deed=BROKEN)).outcome is Outcome.FAILED
    assert attempt(context, Do("x")).outcome is Outcome.DONE
