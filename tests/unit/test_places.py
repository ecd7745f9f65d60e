"""What may be there only once is not made elsewhere while its old node may still run it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.model.item import Action
from cluster.model.order import waves
from cluster.model.spec import Container, Image
from cluster.model.state import State
from cluster.plan.containers import Rules, plan_containers
from cluster.plan.places import Reach, plan_places
from tests.support.container_plans import HOME, IMAGES, KEY, NETWORK, NODES, created, state_of
from tests.support.fake_cluster import FakeCluster, after_apply, again
from tests.support.fakes import refusal, reply
from tests.support.swarm_plans import entry

SERVER = Container("c01", "db", "a", Image("skp/a"), network=NETWORK, sole=True)
MOVED = replace(SERVER, node="c02")


def labelled(**labels: str) -> dict[str, Any]:
    """Return three managers, the first the master, with the label MySQL where one is given."""
    return {
        name: {
            "ipv4": f"10.1.0.{number}",
            "labels": [{labels[name]: "enable"}] if name in labels else [],
            "groups": ["manager", *(["master"] if number == 1 else [])],
        }
        for number, name in enumerate(NODES, 1)
    }


def known(places: Mapping[str, str], found: State, *entries: int) -> State:
    """Return a state whose Swarm remembers places of the server, and has these nodes."""
    assert found.swarm
    there = {
        f"id-c0{n}": replace(entry(n, "manager"), id=f"id-c0{n}") for n in entries or (1, 2, 3)
    }
    decisions = replace(found.swarm.decisions, places={"db": dict(places)} if places else {})
    return replace(found, swarm=replace(found.swarm, decisions=decisions, nodes=there))


def planned(
    wanted: Container, found: State, nodes: tuple[str, ...] = NODES, listed: tuple[str, ...] = NODES
) -> list[Any]:
    reach = Reach(frozenset(listed), frozenset(listed) - frozenset(nodes))
    rules = Rules(lambda c: IMAGES.get(c.image, ""), HOME, KEY, "c01", reach=reach)
    items = plan_containers([wanted], found, rules, services=["a"], nodes=nodes)
    return [*plan_places(items, found), *items]


def actions(items: list[Any]) -> list[tuple[str, Action, str]]:
    return [(item.node, item.action, item.name) for item in items]


def test_where_it_is_made_is_remembered_before() -> None:
    items = planned(SERVER, known({}, state_of({})))
    assert [[item.action for item in wave] for wave in waves(items)] == [
        [Action.RECORD], [Action.CREATE],
    ]  # fmt: skip
    assert items[0].nodes == {"c01": "id-c01"}


def test_where_it_is_already_is_remembered_once() -> None:
    found = state_of({"c01": [created(SERVER)]})
    (step, _) = planned(SERVER, known({}, found))
    assert (step.action, step.nodes) == (Action.RECORD, {"c01": "id-c01"})
    assert [s.action for s in planned(SERVER, known({"c01": "id-c01"}, found))] == [Action.KEEP]


def test_of_others_nothing_is_remembered() -> None:
    many = replace(SERVER, sole=False)
    assert [item.action for item in planned(many, known({}, state_of({})))] == [Action.CREATE]


def test_it_moves_from_a_node_that_answers_and_not_before_it_is_removed_there() -> None:
    found = state_of({"c01": [created(SERVER)]})
    items = planned(MOVED, known({"c01": "id-c01"}, found))
    assert [actions(list(wave)) for wave in waves(items)] == [
        [("c01", Action.RECORD, "place of db")],
        [("c01", Action.REMOVE, "db")],
        [("c02", Action.CREATE, "db")],
        [("c01", Action.FORGET, "c01 as place of db")],
    ]
    assert items[0].nodes == {"c01": "id-c01", "c02": "id-c02"}
    removal = next(item for item in items if item.is_removal)
    assert [item.action for item in items if item.waits_for(removal)] == [
        Action.FORGET, Action.CREATE,
    ]  # fmt: skip


def test_it_is_not_made_while_its_node_is_cut_off() -> None:
    (step,) = planned(MOVED, known({"c01": "id-c01"}, state_of({}, off=["c01"])))
    assert step.action is Action.BLOCK
    assert "it was last on c01, which can't be reached and may still run it" in step.reason
    assert "two of it would ruin the data" in step.reason
    assert "./skp.py docker.node-rm -h c01" in step.hint


def test_one_that_lies_stopped_here_is_not_started_either() -> None:
    stopped = state_of({"c02": [created(MOVED, status="exited")]}, off=["c01"])
    (step,) = planned(MOVED, known({"c01": "id-c01"}, stopped))
    assert step.action is Action.BLOCK
    own = known({"c02": "id-c02"}, stopped)
    assert [item.action for item in planned(MOVED, own)] == [Action.START]


def test_without_a_record_the_label_in_the_swarm_counts() -> None:
    found = known({}, state_of({}, off=["c01"]))
    assert found.swarm
    nodes = {
        i: replace(n, labels={"a": "enable"} if i == "id-c01" else {})
        for i, n in found.swarm.nodes.items()
    }
    before = replace(found, swarm=replace(found.swarm, nodes=nodes))
    (step,) = planned(MOVED, before)
    assert "it was last on c01" in step.reason
    assert [s.action for s in planned(MOVED, found)] == [Action.RECORD, Action.CREATE]


def test_a_node_that_a_person_took_out_of_the_swarm_holds_it_no_more() -> None:
    found = known({"c01": "id-c01"}, state_of({}, off=["c01"]), 2, 3)
    place, step = planned(MOVED, found)
    assert (place.nodes, step.action) == ({"c02": "id-c02"}, Action.CREATE)


def test_a_node_that_answers_and_has_none_holds_it_no_more() -> None:
    place, step = planned(MOVED, known({"c01": "id-c01"}, state_of({})))
    assert (place.nodes, step.action) == ({"c02": "id-c02"}, Action.CREATE)


def test_what_is_there_goes_on_whatever_another_node_may_have() -> None:
    changed = replace(MOVED, stop_timeout=99)
    found = state_of({"c02": [created(MOVED)]}, off=["c01"])
    both = known({"c01": "id-c01", "c02": "id-c02"}, found)
    assert [item.action for item in planned(changed, both)] == [Action.REPLACE]


@pytest.mark.parametrize(
    ("nodes", "listed", "reason", "hint"),
    [
        (("c02",), NODES, "on c01, which --nodes leaves out", "without --nodes"),
        (("c02", "c03"), ("c02", "c03"), "not in hosts.json", "Put c01 back into hosts.json"),
    ],
)
def test_a_node_that_is_not_asked_may_have_it(
    nodes: tuple[str, ...], listed: tuple[str, ...], reason: str, hint: str
) -> None:
    there = state_of({})
    asked = replace(there, nodes={n: node for n, node in there.nodes.items() if n != "c01"})
    (step,) = planned(MOVED, known({"c01": "id-c01"}, asked), nodes, listed)
    assert step.action is Action.BLOCK
    assert reason in step.reason
    assert hint in step.hint


def test_it_is_not_made_beside_one_that_the_command_leaves_alone() -> None:
    found = known({}, state_of({"c01": [created(SERVER)]}))
    (step,) = planned(MOVED, found, ("c02",))
    assert step.action is Action.BLOCK
    assert "it is on c01, which --nodes leaves as it is" in step.reason


SAVED: dict[str, Any] = {}


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster with MySQL on c02, whose label c03 has by now."""
    if not SAVED:
        first = tmp_path / "first"
        first.mkdir()
        old = labelled(c02="mysql")
        SAVED.update(after_apply(first, lambda path, patch: FakeCluster(path, patch, old)))
    new = labelled(c03="mysql")
    return again(tmp_path, monkeypatch, lambda p, m: FakeCluster(p, m, new), dict(SAVED))


def places(cluster: FakeCluster) -> Any:
    return json.loads(cluster.labels["skp.places"])


def test_mysql_moves_with_its_label(moved: FakeCluster) -> None:
    assert places(moved) == {"mysql-skp": {"c02": "id-c02"}}
    assert moved.run("docker.apply") == 0
    assert not moved["c02"].of_service("mysql")
    assert "mysql-skp" in moved["c03"].containers
    assert places(moved) == {"mysql-skp": {"c03": "id-c03"}}
    moved.forget_wire()
    assert moved.run("docker.apply") == 0
    assert moved.changes() == []


def test_mysql_does_not_move_from_a_node_that_is_only_cut_off(
    moved: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    moved.down.add("c02")
    for command in ("docker.apply", "docker.mysql-run"):
        assert moved.run(command) == 1
        said = capsys.readouterr().out
        assert "it was last on c02, which can't be reached and may still run it" in said
        assert "./skp.py docker.node-rm -h c02" in said
        assert not moved.containers("mysql").keys() & moved["c03"].containers.keys()
    assert moved.run("docker.node-rm", "-h", "c02", "--yes") == 1
    assert "the Swarm still hears of it" in (said := capsys.readouterr().out)
    assert "switch it off" in said


def test_mysql_moves_when_a_person_has_said_that_its_node_is_gone(moved: FakeCluster) -> None:
    moved.down.add("c02")
    moved.entries["id-c02"]["Status"]["State"] = "down"

    def remove(_: Any) -> Any:
        del moved.entries["id-c02"]
        return reply()

    for name in ("c01", "c03"):
        moved[name].connection.on("DELETE /nodes/id-c02", remove)
    moved.run("docker.node-rm", "-h", "c02", "--yes")
    assert "id-c02" not in moved.entries
    moved.run("docker.mysql-run")
    assert "mysql-skp" in moved["c03"].containers
    assert places(moved) == {"mysql-skp": {"c03": "id-c03"}}


def test_mysql_does_not_start_where_the_old_one_could_not_be_removed(moved: FakeCluster) -> None:
    moved["c02"].connection.on("POST /containers/*/stop", refusal(500, "the folder hangs"))
    moved["c02"].connection.on("DELETE /containers/*", refusal(500, "the folder hangs"))
    assert moved.run("docker.apply") == 1
    assert not moved["c03"].of_service("mysql")
    assert set(places(moved)["mysql-skp"]) == {"c02", "c03"}


def test_mysql_that_was_taken_down_is_remembered_nowhere(moved: FakeCluster) -> None:
    assert moved.run("docker.mysql-rm") == 0
    assert "skp.places" not in moved.labels
