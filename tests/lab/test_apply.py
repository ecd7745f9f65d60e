"""Applying: nothing to do is nothing done, a change touches what it concerns, faults stay local."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.support.lab import FORGOTTEN, NODES, admit, container_ids, host_docker, on, skp

Settings = Callable[..., dict[str, str]]
Switch = Callable[[str], None]


def test_a_second_apply_changes_nothing(platform: None) -> None:
    before = container_ids()
    ran = skp("docker.apply", "--json")
    assert ran.code == 0, ran.all
    assert ran.json["changed"] == 0
    assert ran.json["ok"] is True
    assert container_ids() == before


def test_one_changed_setting_replaces_exactly_what_it_concerns(
    changed: None, settings: Settings
) -> None:
    other = settings(JUPYTER_MEMORY="1g")
    before = container_ids()
    dry = skp("docker.apply", "--dry", "--json", env=other).json
    planned = [(s["action"], s["node"], s["name"]) for s in dry["steps"] if s["action"] != "keep"]
    assert planned == [("replace", "c01", "jupyter-skp")]
    assert container_ids() == before
    ran = skp("docker.apply", "--json", env=other).json
    done = [(s["action"], s["node"], s["name"]) for s in ran["steps"] if s["action"] != "keep"]
    assert done == planned
    assert ran["ok"] is True
    after = container_ids()
    different = {
        (node, name) for node in NODES for name in after[node] if after[node] != before[node]
        if after[node][name] != before[node][name]
    }  # fmt: skip
    assert different == {("c01", "jupyter-skp")}
    limit = on("c01", "docker inspect jupyter-skp -f '{{.HostConfig.Memory}}'").out
    assert int(limit) == 1 << 30


def test_a_replacement_says_which_field_differs(platform: None, settings: Settings) -> None:
    ran = skp("docker.plan", env=settings(JUPYTER_MEMORY="1g"))
    assert ran.code == 0
    assert "c01 jupyter-skp: memory: none -> 1g" in ran.out


@pytest.mark.parametrize("words", [("--dry", "docker.jupyter-rm"), ("docker.jupyter-rm", "--dry")])
def test_dry_changes_nothing_wherever_it_stands(platform: None, words: tuple[str, ...]) -> None:
    before = container_ids()
    ran = skp(*words)
    assert ran.code == 0, ran.all
    assert "remove" in ran.out
    assert container_ids() == before


def test_a_container_removed_by_hand_is_back(changed: None) -> None:
    on("c02", "docker rm -f registry-skp")
    ran = skp("docker.apply", "--json").json
    acted = [(s["action"], s["node"], s["name"]) for s in ran["steps"] if s["action"] != "keep"]
    assert acted == [("create", "c02", "registry-skp")]


def test_a_stopped_container_is_started_not_replaced(changed: None) -> None:
    before = container_ids()
    on("c02", "docker stop registry-skp")
    ran = skp("docker.apply", "--json").json
    acted = [(s["action"], s["node"], s["name"]) for s in ran["steps"] if s["action"] != "keep"]
    assert acted == [("start", "c02", "registry-skp")]
    assert container_ids() == before


def test_nodes_limits_what_is_changed(changed: None) -> None:
    for node in ("c02", "c03"):
        on(node, "docker rm -f registry-skp")
    ran = skp("docker.apply", "--nodes", "c03")
    assert ran.code == 0, ran.all
    found = container_ids()
    assert "registry-skp" in found["c03"]
    assert "registry-skp" not in found["c02"]


def test_a_strangers_container_is_never_touched(changed: None) -> None:
    on("c02", "docker run -d --name theirs skp/docker-registry:latest")
    on("c02", "docker rm -f registry-skp")
    on("c02", "docker create --name registry-skp skp/docker-registry:latest")
    before = container_ids(("c02",))
    ran = skp("docker.apply")
    assert ran.code == 1
    assert "a container named registry-skp is there that is not ours" in ran.out
    assert container_ids(("c02",)) == before
    on("c02", "docker rm -fv theirs registry-skp")


def test_one_node_off_leaves_the_others_served(changed: None, powered: Switch) -> None:
    on("c03", "docker rm -f registry-skp")
    on("c01", "docker rm -f jupyter-skp")
    powered("c02")
    begun = time.monotonic()
    ran = skp("docker.apply")
    took = time.monotonic() - begun
    assert ran.code == 1
    assert re.search(r"^! c02: skp@10\.99\.0\.12:22 (can't be|does not)", ran.out, re.MULTILINE)
    assert took < 120, "the deadlines are 10 s to connect, and what the others need to start"
    found = container_ids(("c01", "c03"))
    assert "jupyter-skp" in found["c01"]
    assert "registry-skp" in found["c03"]
    assert host_docker("start", "c02").code == 0
    assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
    healed = skp("docker.apply")
    assert healed.code == 0, healed.all
    assert skp("docker.status").code == 0


def test_what_the_engine_refuses_leaves_the_old_one_serving(
    changed: None, settings: Settings
) -> None:
    before = container_ids()
    ran = skp("docker.jupyter-run", env=settings(SKP_DFS="/mnt/nowhere"))
    assert ran.code == 1
    assert "/mnt/nowhere" in ran.out
    assert container_ids() == before


def test_a_paused_container_goes_on(changed: None) -> None:
    before = container_ids()
    on("c02", "docker pause registry-skp")
    assert skp("docker.apply").code == 0
    assert skp("docker.status").code == 0
    assert container_ids() == before


def test_taking_down_on_some_nodes_only_is_not_remembered(changed: None) -> None:
    ran = skp("docker.registry-rm", "--nodes", "c02")
    assert ran.code == 0
    assert "on the chosen nodes only" in ran.err
    assert skp("docker.apply").code == 0
    assert "registry-skp" in container_ids()["c02"]


def test_everything_from_nothing_but_the_images_by_one_apply(changed: None) -> None:
    assert skp("docker.jupyter-rm").code == 0
    assert skp("docker.registry-rm").code == 0
    for node in NODES:
        on(node, "docker swarm leave --force")
    ran = skp("docker.apply", "--timeout", "120")
    assert ran.code == 1, ran.all
    assert FORGOTTEN in ran.out, "what the registry has is not taken for ours"
    assert "./skp.py docker.image-admit skp/docker-ds:latest" in ran.out
    admit()
    again = skp("docker.apply", "--timeout", "120")
    assert again.code == 0, again.all
    assert skp("docker.status").code == 0
    assert "jupyter-skp" in container_ids(("c01",))["c01"]
