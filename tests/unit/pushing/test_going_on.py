"""An operation that an earlier worker has begun, and was killed in: it ends right all the same."""

from __future__ import annotations

import pytest

from cluster.errors import NodeError
from gate import operating
from gate.begun import Begun
from tests.support.operating import BROKEN, OF, Operation, Way


@pytest.mark.parametrize("now", [(3,), (3, 4), (4,), ()])
@pytest.mark.parametrize("before", [3, 0])
def test_after_a_kill_it_is_brought_wherever_it_was(
    now: tuple[int, ...], before: int, it: Operation
) -> None:
    it.was_begun(before)
    found = it.carry_out(way := Way(*now, kept=4))
    assert (found["ok"], found["settled"], len(way.now)) == (True, True, 1)
    assert it.note == Begun(OF, before, before), "what was there first counts"
    assert way.kept == [*range(1, before + 1), *way.now], "no revision of an earlier try is left"


@pytest.mark.parametrize("now", [(3,), (3, 4), (4,)])
@pytest.mark.parametrize("ends", [BROKEN, KeyboardInterrupt()])
def test_after_a_kill_what_does_not_work_goes_back_to_what_was_there_first(
    now: tuple[int, ...], ends: BaseException, it: Operation
) -> None:
    it.was_begun(3)
    way = Way(*now, kept=4)
    way.ends = ends
    found = it.carry_out(way)
    assert (found["ok"], found["settled"]) == (False, True)
    if now == (3,):
        assert (way.asked, way.now, way.kept) == (["change", "go back"], [3], [1, 2, 3])
    else:
        assert way.asked == ["change", "back to 3"], "by the revision that is kept"
        assert way.kept == [1, 2, 3, *way.now]


def test_after_a_kill_the_engine_may_go_back_by_itself_first(
    it: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating, "_PAUSE", 0)
    it.was_begun(3)
    way = Way(4)
    way.updates, way.ends = ["updating", "rollback_started", "rollback_completed"], BROKEN
    found = it.carry_out(way)
    assert (found["ok"], way.asked, way.now) == (False, ["change", "go back"], [3])


@pytest.mark.parametrize("now", [(4,), (4, 5)])
def test_after_a_kill_one_that_is_ended_and_was_new_is_gone(
    now: tuple[int, ...], it: Operation
) -> None:
    it.was_begun(0)
    way = Way(*now)
    way.ends = KeyboardInterrupt()
    assert it.carry_out(way)["settled"]
    assert (way.asked[-1], way.now) == ("forget", [])


@pytest.mark.parametrize("now", [(3,), (3, 4), (4,), (5,)])
def test_what_was_begun_is_taken_back_for_the_operator(now: tuple[int, ...], it: Operation) -> None:
    it.was_begun(3)
    found = it.settle(way := Way(*now, kept=5))
    assert (found["ok"], found.get("ended")) == (True, None)
    assert way.asked == ([] if now == (3,) else ["back to 3"])
    assert "for the operator" in it.told


def test_what_has_begun_nothing_is_not_taken_back(it: Operation) -> None:
    assert it.settle(way := Way(4)) == {"ok": True, "exit_code": 0}
    assert (way.asked, it.told) == ([], [])


def test_taking_back_is_tried_again_until_a_node_answers(it: Operation) -> None:
    it.was_begun(3)
    way = Way(4)
    way.taking_back = NodeError("c01", "the connection broke")
    with pytest.raises(NodeError, match="could not be taken back yet"):
        it.settle(way)
    way.taking_back = BROKEN
    assert it.settle(way)["ok"], "what does not work any more would never"
