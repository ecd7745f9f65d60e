"""The lab's inventory for each number of nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.config import inventory
from lab import layout
from lab.config import MOST_NODES, LabConfig, check_count
from lab.errors import LabError

CONFIG = LabConfig(checkout=Path("/somewhere"))
SIZES = range(1, MOST_NODES + 1)
KNOWN = {
    *("registry", "jupyter", "spark-master", "spark-worker", "portainer", "mysql"),
    *("airflow", "zookeeper", "kafka", "flask", "nginx"),
}


def labels(entry: layout.Entry) -> list[str]:
    return [key for label in entry["labels"] for key, value in label.items() if value == "enable"]


def test_five_nodes_are_laid_out_as_in_the_guide() -> None:
    hosts = layout.inventory(CONFIG, 5)
    assert list(hosts) == ["c01", "c02", "c03", "c04", "c05"]
    assert hosts["c01"]["groups"] == ["master", "manager"]
    assert labels(hosts["c01"]) == ["registry", "jupyter", "spark-master", "portainer", "mysql"]
    assert [hosts[name]["groups"] for name in ("c02", "c03")] == [["manager"]] * 2
    assert [hosts[name]["groups"] for name in ("c04", "c05")] == [["worker"]] * 2
    assert all(labels(hosts[name]) == ["spark-worker"] for name in hosts if name != "c01")


def test_one_node_does_everything() -> None:
    assert set(labels(layout.inventory(CONFIG, 1)["c01"])) == {
        "registry", "jupyter", "spark-master", "spark-worker", "portainer", "mysql"
    }  # fmt: skip


def test_three_nodes_are_all_managers_with_a_registry_label() -> None:
    hosts = layout.inventory(CONFIG, 3)
    assert all("manager" in entry["groups"] for entry in hosts.values())
    assert all("registry" in labels(entry) for entry in hosts.values())


def test_addresses_begin_at_eleven() -> None:
    hosts = layout.inventory(CONFIG, MOST_NODES)
    assert (hosts["c01"]["ipv4"], hosts["c16"]["ipv4"]) == ("10.99.0.11", "10.99.0.26")


@pytest.mark.parametrize("count", SIZES)
def test_managers_are_one_or_three(count: int) -> None:
    hosts = layout.inventory(CONFIG, count)
    assert sum("manager" in entry["groups"] for entry in hosts.values()) in {1, 3}


@pytest.mark.parametrize("count", SIZES)
def test_every_service_of_the_guide_has_a_node(count: int) -> None:
    hosts = layout.inventory(CONFIG, count)
    given = {label for entry in hosts.values() for label in labels(entry)}
    assert {"registry", "jupyter", "spark-master", "spark-worker"} <= given <= KNOWN


@pytest.mark.parametrize("count", SIZES)
def test_the_inventory_reads_it_without_a_warning(count: int, tmp_path: Path) -> None:
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(layout.inventory(CONFIG, count)))
    read = inventory.read(path)
    assert read.names == CONFIG.names(count)
    assert not read.warnings


@pytest.mark.parametrize("count", [-1, 0, 17])
def test_other_numbers_are_refused_as_wrong_usage(count: int) -> None:
    with pytest.raises(LabError, match=f"1 to 16 nodes, not {count}") as refused:
        check_count(count)
    assert refused.value.exit_code == 2
