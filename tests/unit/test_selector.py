"""What a name means, and in which order a family is restarted."""

from __future__ import annotations

import pytest

from cluster.commands.restart import plan_restart
from cluster.errors import SkpError
from cluster.model.item import Blocked
from cluster.model.order import needed, waves
from cluster.model.policy import Busy
from cluster.model.selector import Found, among
from cluster.model.state import FoundContainer, Health


def ours(
    name: str, alias: str = "", status: str = "running", health: Health = Health.HEALTHY
) -> FoundContainer:
    fields = {"aliases": [alias]} if alias else {}
    return FoundContainer(name, name, "x", status, service="kafka", fields=fields, health=health)


def theirs(name: str) -> FoundContainer:
    return FoundContainer(name, name, "x", "running")


def cluster(*listed: list[FoundContainer]) -> Found:
    return {f"c0{n}": {c.name: c for c in containers} for n, containers in enumerate(listed, 1)}


def meant(found: Found, name: str) -> list[tuple[str, str]]:
    return [(node, container.name) for node, container in among(found, name)]


@pytest.mark.parametrize("name", ["kafka-skp", "kafka", "kafka-skp-1"])
def test_a_family_is_meant_by_its_name_its_service_or_one_of_it(name: str) -> None:
    found = cluster([ours("kafka-skp-1")], [ours("kafka-skp-2")], [theirs("other")])
    expected = [("c01", "kafka-skp-1"), ("c02", "kafka-skp-2")]
    assert meant(found, name) == (expected[:1] if name.endswith("1") else expected)


def test_a_family_is_meant_by_its_alias_and_by_its_nodes_names() -> None:
    found = cluster([ours("jupyter-skp")], [ours("jupyter-skp-c02")], [ours("odd", "jupyter-skp")])
    assert [name for _, name in meant(found, "jupyter-skp")] == [
        "jupyter-skp", "jupyter-skp-c02", "odd"
    ]  # fmt: skip


def test_a_longer_name_is_another_family() -> None:
    assert meant(cluster([ours("web"), ours("web-admin")]), "web") == [("c01", "web")]


def test_a_strangers_container_is_meant_by_its_exact_name_only() -> None:
    found = cluster([ours("kafka-skp-1"), theirs("kafka-skp-2")])
    assert meant(found, "kafka-skp") == [("c01", "kafka-skp-1")]
    assert meant(found, "kafka-skp-2") == [("c01", "kafka-skp-2")]


def test_what_was_left_half_made_is_not_meant() -> None:
    found = cluster([ours("kafka-skp-1"), ours("kafka-skp-1.new")])
    assert meant(found, "kafka") == [("c01", "kafka-skp-1")]


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(SkpError, match="did you mean kafka-skp-1") as refused:
        among(cluster([ours("kafka-skp-1")]), "kafak-skp-1")
    assert "kafka-skp-1" in refused.value.hint


def test_a_restart_goes_one_by_one_in_the_order_of_the_nodes() -> None:
    found = cluster([ours("k-1")], [ours("k-2")], [ours("k-3")])
    steps = plan_restart(found, "k", Busy.SKIP)
    assert [[step.name for step in wave] for wave in waves(steps)] == [["k-1"], ["k-2"], ["k-3"]]


@pytest.mark.parametrize(
    "ill", [ours("k-2", health=Health.UNHEALTHY), ours("k-2", status="exited")]
)
def test_what_does_not_work_is_restarted_first(ill: FoundContainer) -> None:
    steps = plan_restart(cluster([ours("k-1")], [ill], [ours("k-3")]), "k", Busy.SKIP)
    assert [step.name for step in steps] == ["k-2", "k-1", "k-3"]


def test_each_restart_needs_all_before_it() -> None:
    steps = plan_restart(cluster([ours("k-1")], [ours("k-2")], [ours("k-3")]), "k", Busy.SKIP)
    assert [[n.name for n in needed(step, steps)] for step in steps] == [
        [],
        ["k-1"],
        ["k-1", "k-2"],
    ]


def test_a_strangers_container_is_refused() -> None:
    (step,) = plan_restart(cluster([theirs("web")]), "web", Busy.SKIP)
    assert isinstance(step, Blocked)
    assert "not ours" in step.reason
    assert "docker restart web on c01" in step.hint
