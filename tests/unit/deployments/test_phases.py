"""How deployments are, from the engine's answers: phases, reasons, and how waiting ends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.support.swarm_answers import GIB, node, service, task
from workloads import waiting
from workloads.ledger import Entry
from workloads.phases import PENDING, RUNNING, rows
from workloads.places import Needs, places
from workloads.store import Found, Store
from workloads.waiting import wait
from workloads.wish import Applied, Reserved


def gpus(count: int) -> list[dict[str, Any]]:
    return [{"DiscreteResourceSpec": {"Kind": "GPU", "Value": count}}]


def test_what_a_node_lacks_is_told_by_its_name() -> None:
    found = places([node("c01", gpus=2, zone="a"), node("c02", "down")], [task("running")])
    assert found["c01"].used == Needs(0, GIB, 0)
    assert list(found["c01"].lacks(Needs(1, GIB, 2), [("zone", "a")])) == []
    assert list(found["c01"].lacks(Needs(5, 8 * GIB, 3), [("zone", "b")])) == [
        "its label zone is a, not b",
        "cpus: 5 wanted, 4 of 4 left",
        "memory: 8g wanted, 7g of 8g left",
        "gpus: 3 wanted, 2 of 2 left",
    ]
    assert list(found["c02"].lacks(Needs(), [])) == ["it is down"]


def test_a_task_that_ended_holds_nothing() -> None:
    ended = [task(state) for state in ("failed", "shutdown", "complete", "rejected")]
    assert places([node("c01")], ended)["c01"].used == Needs()


def test_the_newest_that_is_to_run_counts() -> None:
    old = task("running", 1)
    failed = task("failed", 2, status={"Err": "task: non-zero exit (3)"})
    new = task("starting", 3, 2)
    (row,) = rows([service(2)], [failed, new, old | {"DesiredState": "shutdown"}], [node("c01")])
    assert (row.phase, row.revision, row.task) == ("Starting", 2, "task-3")
    assert row.reasons == ("task: non-zero exit (3)",)


def test_without_a_place_every_node_says_why() -> None:
    waits = task("pending") | {"NodeID": ""}
    nodes = [node("c01", zone="b"), node("c02", gpus=1, zone="a")]
    (row,) = rows([service(GenericResources=gpus(2))], [waits], nodes)
    assert row.phase == PENDING
    assert row.reasons == (
        "c01: its label zone is b, not a, gpus: 2 wanted, 0 of 0 left",
        "c02: gpus: 2 wanted, 1 of 1 left",
    )


def test_a_gpu_is_told_by_its_identity() -> None:
    named = [{"NamedResourceSpec": {"Kind": "GPU", "Value": "GPU-aaaa"}}]
    (row,) = rows([service()], [task("running", GenericResources=named)], [node("c01")])
    assert (row.gpus, row.phase, row.node) == (("GPU-aaaa",), RUNNING, "c01")


class Played:
    """A store that answers one thing after another; the last one again and again."""

    def __init__(self, *looks: tuple[Found, Sequence[Mapping[str, Any]]]) -> None:
        self.looks = list(looks)

    def services(self, _: str) -> list[Found]:
        if len(self.looks) > 1:
            self.now = self.looks.pop(0)
        else:
            self.now = self.looks[0]
        return [self.now[0]]

    def tasks(self) -> Sequence[Mapping[str, Any]]:
        return self.now[1]

    def nodes(self) -> list[dict[str, Any]]:
        return [node("c01", zone="a")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PAUSE", 0.001)
    monkeypatch.setattr(waiting, "_NO_PLACE", 0.01)


def applied(revision: int, *, is_new: bool = True) -> Applied:
    return Applied("vision/web", revision, reserved=Reserved(Entry(), None) if is_new else None)


def ends(*looks: tuple[Found, Sequence[Mapping[str, Any]]], revision: int = 2) -> waiting.Outcome:
    return wait(cast("Store", Played(*looks)), applied(revision), ["c01"], 5, lambda _: None)


def test_it_waits_for_the_new_one_while_the_old_one_still_runs() -> None:
    old = (service(2, "updating"), [task("running", 1, 1)])
    new = (service(2, "completed"), [task("running", 2, 2)])
    found = ends(old, old, new)
    assert not found.failed
    assert found.rows[0].task == "task-2"


@pytest.mark.parametrize("state", ["rollback_started", "rollback_completed", "paused"])
def test_an_update_that_goes_back_has_failed(state: str) -> None:
    bad = task("failed", 2, 2, status={"Err": "task: non-zero exit (3)"})
    found = ends((service(1, state), [task("running", 3, 1), bad]))
    (why,) = found.failed
    assert why == (
        "vision_web-0_main: the new revision does not work, and the one before it serves on: "
        "task: non-zero exit (3)"
    )
    assert found.task == "task-2"


def test_a_first_one_that_ends_three_times_has_failed() -> None:
    tries = [task("failed", n, 2, status={"Err": "No such image"}) for n in (1, 2, 3)]
    found = ends((service(2), [*tries[:2], task("ready", 4, 2)]), (service(2), tries))
    assert found.failed == ("vision_web-0_main: it ended 3 times: No such image",)


def test_what_has_no_place_is_not_waited_for() -> None:
    waits = task("pending", 1, 2) | {"NodeID": ""}
    found = ends((service(2, GenericResources=gpus(1)), [waits]))
    assert not found.failed
    assert found.rows[0].phase == PENDING


def test_what_has_no_place_beside_what_serves_has_failed() -> None:
    waits = task("pending", 1, 2) | {"NodeID": ""}
    played = cast("Store", Played((service(2, GenericResources=gpus(1)), [waits])))
    wanted = replace(applied(2), steady=1)
    found = wait(played, wanted, ["c01"], 5, lambda _: None)
    assert re.search("no place for it beside the one that serves.*gpus: 1 wanted", found.failed[0])


def test_the_deadline_ends_it() -> None:
    played = cast("Store", Played((service(2), [task("starting", 1, 2)])))
    found = wait(played, applied(2), ["c01"], 0.02, lambda _: None)
    assert found.failed == ("not running within 0 s: vision_web-0_main (Starting)",)


def test_what_became_of_an_earlier_update_is_no_matter_where_nothing_is_changed() -> None:
    played = cast("Store", Played((service(1, "rollback_completed"), [task("running")])))
    found = wait(played, applied(1, is_new=False), ["c01"], 5, lambda _: None)
    assert not found.failed


def test_an_update_that_goes_on_is_waited_for_though_all_runs() -> None:
    new = task("running", 2, 2)
    found = ends((service(2, "updating"), [new]), (service(1, "rollback_started"), [new]))
    assert found.failed


def test_what_is_gone_has_failed() -> None:
    class Empty(Played):
        def services(self, _: str) -> list[Found]:
            self.now = self.looks[0]
            return []

    played = cast("Store", Empty((service(), [])))
    found = wait(played, applied(1), ["c01"], 5, lambda _: None)
    assert found.failed == ("vision/web: it is gone: somebody has removed it",)
