"""The Swarm as the guide prints it, on three nodes and on five."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import ROOT, inventory, node_rows, on, skp


def check_managers(rows: dict[str, list[str]]) -> None:
    """One of c01 to c03 leads (after a loss of managers any may), the others can be reached."""
    of_managers = sorted(rows[node] for node in ("c01", "c02", "c03"))
    reachable = ["Ready", "Active", "Reachable"]
    assert of_managers == [["Ready", "Active", "Leader"], reachable, reachable]


def test_node_ls_shows_the_nodes(platform: None) -> None:
    rows = node_rows()
    assert list(rows) == ["c01", "c02", "c03"]
    check_managers(rows)


def test_network_ls_shows_the_overlay(platform: None) -> None:
    rows = [line.split()[1:] for line in on("c01", "docker network ls").out.splitlines()]
    assert ["net-skp", "overlay", "swarm"] in rows
    assert ["bridge", "bridge", "local"] in rows


def test_the_overlay_is_attachable_and_has_the_settings_subnet(platform: None) -> None:
    shown = on("c01", "docker network inspect net-skp -f '{{.Attachable}} {{.IPAM.Config}}'").out
    assert shown.startswith("true")
    assert "10.90.0.0/16" in shown


def test_containers_see_the_mtu_that_fits_the_nodes_network(platform: None) -> None:
    below = int(on("c01", "cat /sys/class/net/eth0/mtu").out)
    command = "docker exec jupyter-skp sh -c 'cat /sys/class/net/*/mtu'"
    assert str(below - 50) in on("c01", command).out.split()


def test_labels_are_on_the_swarms_nodes(platform: None) -> None:
    shown = on("c01", "docker node inspect c02 -f '{{json .Spec.Labels}}'").out
    assert '"registry":"enable"' in shown


def test_a_label_that_is_no_longer_listed_goes_and_a_strangers_stays(changed: None) -> None:
    on("c01", "docker node update --label-add kafka=enable --label-add rack=7 c02")
    on("c01", "docker node update --label-add skp.labels=kafka,registry c02")
    ran = skp("docker.swarm-label")
    assert "c02 labels: kafka: enable -> none" in ran.out
    shown = on("c01", "docker node inspect c02 -f '{{json .Spec.Labels}}'").out
    assert '"kafka"' not in shown
    assert '"rack":"7"' in shown
    on("c01", "docker node update --label-rm rack c02")


@pytest.fixture
def five(changed: None, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A lab of five, by the guide's own layout; of three again afterwards."""
    up = skp("lab.up", "-n", "5", "--publish")
    assert up.code == 0, up.all
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(inventory(ROOT / ".lab" / "hosts.json")))
    yield {"SKP_HOSTS": str(path)}


def test_five_nodes_as_in_the_guide(five: dict[str, str]) -> None:
    for task in ("swarm-init", "swarm-join", "swarm-label", "swarm-network", "registry-run"):
        ran = skp(f"docker.{task}", env=five)
        assert ran.code == 0, ran.all
    rows = node_rows()
    assert list(rows) == ["c01", "c02", "c03", "c04", "c05"]
    check_managers(rows)
    assert rows["c04"] == rows["c05"] == ["Ready", "Active"]
    found = skp("docker.ps", "--json", env=five).json
    for node in ("c01", "c02", "c03", "c04", "c05"):
        assert "registry-skp" in {c["name"] for c in found[node]}
    again = skp("docker.apply", env=five)
    assert again.code == 0, again.all
    assert "Nothing to change" in again.out
