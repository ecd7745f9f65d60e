"""Restarting a family, and a service's own command: which containers, in which order."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.commands.restart import find_restart
from cluster.commands.service_command import find_command
from cluster.errors import NodeError, SkpError
from cluster.model.policy import Busy
from tests.support.fake_cluster import FakeCluster


def add(cluster: FakeCluster, node: str, name: str, service: str = "kafka", **state: Any) -> None:
    labels = {"skp.service": service} if service else {}
    found = cluster[node].add(name, {"Image": "i", "Labels": labels})
    found["State"] |= {"Status": "running", "Running": True, **state}


def restarted(cluster: FakeCluster, name: str, *nodes: str) -> list[tuple[str, str, int, str]]:
    with cluster.fleet() as fleet:
        change = find_restart(fleet, name, nodes or tuple(cluster), Busy.SKIP)
    return [(i.node, i.name, i.order, str(i.action)) for i in change.items]


@pytest.fixture
def brokers(cluster: FakeCluster) -> FakeCluster:
    for number, node in enumerate(cluster, 1):
        add(cluster, node, f"kafka-skp-{number}")
    return cluster


def test_a_family_is_restarted_one_after_another(brokers: FakeCluster) -> None:
    assert restarted(brokers, "kafka-skp") == [
        ("c01", "kafka-skp-1", 1, "restart"),
        ("c02", "kafka-skp-2", 2, "restart"),
        ("c03", "kafka-skp-3", 3, "restart"),
    ]


def test_what_does_not_work_comes_first(brokers: FakeCluster) -> None:
    brokers["c03"].containers["kafka-skp-3"]["State"]["Health"] = {"Status": "unhealthy"}
    assert [name for _, name, _, _ in restarted(brokers, "kafka")] == [
        "kafka-skp-3", "kafka-skp-1", "kafka-skp-2",
    ]  # fmt: skip


def test_only_the_chosen_nodes_are_asked(brokers: FakeCluster) -> None:
    assert [node for node, *_ in restarted(brokers, "kafka-skp", "c02")] == ["c02"]
    assert not [line for line in brokers.wire if not line.startswith("c02")]


def test_a_strangers_container_is_not_restarted(brokers: FakeCluster) -> None:
    add(brokers, "c01", "theirs", "")
    assert restarted(brokers, "theirs") == [("c01", "theirs", 0, "block")]


def test_a_name_that_nothing_has_is_told_with_what_there_is(brokers: FakeCluster) -> None:
    with pytest.raises(SkpError, match=r"no container kafka-skb on .*\(did you mean kafka-skp-"):
        restarted(brokers, "kafka-skb")


def test_a_node_that_can_not_be_asked_is_told(brokers: FakeCluster) -> None:
    brokers.down.add("c02")
    with brokers.fleet() as fleet:
        change = find_restart(fleet, "kafka-skp", list(brokers), Busy.SKIP)
    assert list(change.unreachable) == ["c02"]
    assert [item.node for item in change.items] == ["c01", "c03"]


def test_a_services_command_runs_in_its_container_whatever_that_is_called(
    brokers: FakeCluster,
) -> None:
    with brokers.fleet() as fleet:
        (item,) = find_command(fleet, "c02", "kafka", ("kafka-drain",)).items
    assert (item.node, item.name, item.describe()) == ("c02", "kafka-skp-2", "run kafka-skp-2")


def test_a_services_command_needs_a_container_that_runs(brokers: FakeCluster) -> None:
    brokers["c02"].containers["kafka-skp-2"]["State"]["Status"] = "exited"
    add(brokers, "c02", "registry-skp", "registry")
    with brokers.fleet() as fleet, pytest.raises(NodeError, match="no container kafka") as caught:
        find_command(fleet, "c02", "kafka", ("kafka-drain",))
    assert caught.value.hint == "Running: registry-skp"


def test_a_services_command_needs_its_node(brokers: FakeCluster) -> None:
    brokers.down.add("c02")
    with brokers.fleet() as fleet, pytest.raises(NodeError, match="c02: can't be reached"):
        find_command(fleet, "c02", "kafka", ("kafka-drain",))
