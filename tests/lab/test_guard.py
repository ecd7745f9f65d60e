"""A plan that takes away an unusual share of what runs asks first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import container_ids, inventory, skp

Make = Callable[[Mapping[str, Any]], dict[str, str]]
HOSTS = inventory()


@pytest.fixture
def hosts(tmp_path: Path) -> Make:
    """Return a maker of an environment with another inventory."""

    def make(content: Mapping[str, Any]) -> dict[str, str]:
        (tmp_path / "hosts.json").write_text(json.dumps(content))
        return {"SKP_HOSTS": str(tmp_path / "hosts.json")}

    return make


def test_an_inventory_that_lost_its_nodes_is_asked_about(changed: None, hosts: Make) -> None:
    before = container_ids()
    environment = hosts({"c01": HOSTS["c01"]})
    ran = skp("docker.apply", env=environment)
    assert ran.code == 2, ran.all
    assert "c02, c03: in the Swarm, but no longer in" in ran.err
    assert "add --yes" in ran.err
    assert container_ids() == before
    confirmed = skp("docker.apply", "--yes", env=environment)
    assert confirmed.code == 0, confirmed.all
    assert container_ids() == before, "nothing is removed on nodes that are not named"


def test_an_inventory_that_lost_its_labels_is_asked_about(changed: None, hosts: Make) -> None:
    labelled = {name: {**host, "labels": [{"jupyter": "enable"}]} for name, host in HOSTS.items()}
    applied = skp("docker.apply", env=hosts(labelled))
    assert applied.code == 0, applied.all
    before = container_ids()
    ran = skp("docker.apply", env=hosts({n: {**h, "labels": []} for n, h in HOSTS.items()}))
    assert ran.code == 2, ran.all
    assert "3 of 6 containers would be removed: jupyter-skp on c01" in ran.err
    assert container_ids() == before
    dry = skp("docker.plan", env=hosts({n: {**h, "labels": []} for n, h in HOSTS.items()}))
    assert dry.code == 0, "a plan only shows"
