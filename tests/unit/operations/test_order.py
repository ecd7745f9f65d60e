"""In which order operations are carried out, and what each waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster.model.files import NodeFile
from cluster.model.item import Item, Keep, Kind
from cluster.model.order import needed, waves
from cluster.model.policy import Busy
from cluster.operations.base import Operation
from cluster.operations.container import CreateContainer, RemoveContainer, RestartContainer
from cluster.operations.files import InstallFile
from cluster.operations.leave import LeaveSwarm
from cluster.operations.swarm import InitSwarm
from tests.support.scenes import CONTAINER, found


def create(service: str, node: str = "c01", *after: str, phase: int = 0) -> CreateContainer:
    wanted = replace(
        CONTAINER,
        node=node,
        name=f"{service}-{node}",
        service=service,
        after=after,
        start_phase=phase,
    )
    return CreateContainer(wanted, "", {}, "c01")


def remove(service: str, *after: str) -> RemoveContainer:
    there = found(CONTAINER, name=service, service=service, after=after)
    return RemoveContainer("c01", service, there, Busy.SKIP)


def restart(name: str, order: int) -> RestartContainer:
    return RestartContainer("c01", name, found(), Busy.SKIP, order)


def names(*items: Item) -> list[list[str]]:
    return [[item.name for item in wave] for wave in waves(items)]


def test_services_follow_those_that_they_come_after() -> None:
    assert names(create("c", "c01", "b"), create("b", "c01", "a"), create("a")) == [
        ["a-c01"],
        ["b-c01"],
        ["c-c01"],
    ]


def test_what_waits_for_nothing_goes_at_once() -> None:
    assert names(create("a"), create("b", "c02")) == [["a-c01", "b-c02"]]


def test_kinds_follow_each_other() -> None:
    items = [create("a"), InstallFile("c01", NodeFile("/etc/a", "")), InitSwarm("c01")]
    assert names(*items) == [["swarm"], ["/etc/a"], ["a-c01"]]


def test_removals_come_first_and_in_the_other_direction() -> None:
    items = [create("new"), remove("mysql"), remove("airflow", "mysql")]
    assert names(*items) == [["airflow"], ["mysql"], ["new-c01"]]


def test_a_removal_is_ordered_by_what_is_still_there_and_not_by_itself() -> None:
    # Nothing of the service that it was started after is touched: it just goes.
    assert names(remove("airflow", "mysql")) == [["airflow"]]


def test_phases_follow_each_other_within_a_service() -> None:
    items = [create("spark", "c02", phase=1), create("spark", "c01"), create("other", "c02")]
    assert names(*items) == [["spark-c01", "other-c02"], ["spark-c02"]]


def test_what_has_an_order_goes_by_it() -> None:
    assert names(restart("third", 3), restart("first", 1), restart("second", 2)) == [
        ["first"],
        ["second"],
        ["third"],
    ]


def test_nodes_leave_after_everything_else() -> None:
    last = LeaveSwarm("c01", "id", "manager", "c01", 2)
    first = LeaveSwarm("c02", "id", "worker", "c01", 1)
    assert [[o.node for o in wave] for wave in waves([last, create("a"), first])] == [
        ["c01"],
        ["c02"],
        ["c01"],
    ]


def test_what_is_kept_is_in_no_wave_but_counts_for_the_order() -> None:
    middle = create("b", "c01", "a").container
    kept = Keep(Kind.CONTAINER, "c01", "b", middle)
    items: list[Item] = [create("c", "c01", "b"), kept, create("a")]
    assert [[item.name for item in wave] for wave in waves(items)] == [["a-c01"], ["c-c01"]]


def test_services_that_wait_for_each_other_are_a_fault_of_theirs() -> None:
    with pytest.raises(AssertionError, match="services wait for each other: a -> b"):
        waves([create("a", "c01", "b"), create("b", "c01", "a")])


def waited(item: Operation, *others: Any) -> list[str]:
    return [other.name for other in needed(item, [item, *others])]


def test_of_a_service_on_every_node_only_the_one_of_the_same_node_is_needed() -> None:
    item = create("a", "c02", "registry")
    assert waited(item, create("registry", "c01"), create("registry", "c02")) == ["registry-c02"]


def test_of_a_service_elsewhere_all_are_needed() -> None:
    item = create("a", "c03", "mysql")
    assert waited(item, create("mysql", "c01"), create("mysql", "c02")) == [
        "mysql-c01",
        "mysql-c02",
    ]


def test_of_its_own_service_earlier_phases_are_needed() -> None:
    item = create("spark", "c02", phase=1)
    assert waited(item, create("spark", "c01"), create("spark", "c03", phase=1)) == ["spark-c01"]


def test_of_its_own_service_those_with_a_lower_order_are_needed() -> None:
    assert waited(restart("second", 2), restart("first", 1), restart("third", 3)) == ["first"]
    assert waited(restart("second", 2), restart("unordered", 0)) == []


def test_nothing_waits_for_a_removal() -> None:
    item = create("airflow", "c01", "mysql")
    assert waited(item, remove("mysql"), remove("airflow")) == []
