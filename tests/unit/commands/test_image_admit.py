"""Admitting an image that was pushed by hand, and what is in its way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.commands.image_admit import parse, plan_image_admission
from cluster.config.inventory import Inventory
from cluster.errors import ConfigError, NodeError, SkpError
from cluster.model.spec import Image
from tests.support.digests import digest
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_registry import FakeRegistry, no_registry
from tests.support.fake_swarm import FakeSwarm
from tests.support.fakes import FakeFleet, fake_fleet, refusal

IMAGE = Image("skp/x", "1")
DS = "skp/docker-ds:latest"
REFERENCE = f"localhost:5000/{DS}"


@pytest.fixture
def fleet() -> FakeFleet:
    """Three managers of a Swarm."""
    fleet = fake_fleet("c01", "c02", "c03")
    swarm = FakeSwarm(fleet)
    for name in fleet.connections:
        swarm.add(f"id-{name}", name, "manager")
    return fleet


def registry_of(fleet: FakeFleet) -> FakeRegistry:
    return FakeRegistry(fleet.connections["c01"])


def stored(registry: FakeRegistry, document: Any) -> str:
    """Have the registry store a document; return its digest."""
    return registry._store(json.dumps(document).encode())


def test_what_is_told_is_the_digest_of_record_the_registrys_its_size_and_age(
    inventory: Inventory, fleet: FakeFleet
) -> None:
    registry = registry_of(fleet)
    config = stored(registry, {"created": "2026-11-28T10:00:00.123456789Z"})
    manifest = {"layers": [{"size": 2_000_000}, {"size": 500_000}], "config": {"digest": config}}
    index = {"manifests": [{"digest": stored(registry, manifest)}]}
    found = registry.tags.setdefault("skp/x", {})["1"] = stored(registry, index)
    (item,) = plan_image_admission(inventory, fleet, IMAGE).items
    assert (item.action, item.node, item.name) == ("admit", "c01", "skp/x:1")
    told = {d.name: (d.found, d.wanted) for d in item.differences}
    assert told == {
        "digest": ("", found), "size": (None, "2.5 MB"), "created": (None, "2026-11-28 10:00:00"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "manifest",
    [{}, [], {"layers": 7}, {"layers": [{"size": "\033"}]}, {"manifests": [{"digest": "../x"}]},
     {"layers": [], "config": {"digest": "sha256:../../x"}}],
)  # fmt: skip
def test_what_a_stranger_wrote_into_the_registry_is_not_shown(
    inventory: Inventory, fleet: FakeFleet, manifest: Any
) -> None:
    registry = registry_of(fleet)
    registry.tags.setdefault("skp/x", {})["1"] = stored(registry, manifest)
    (item,) = plan_image_admission(inventory, fleet, IMAGE).items
    assert {d.name for d in item.differences} <= {"digest", "size"}
    assert not [line for line in registry.asked if ".." in line]


def test_what_is_on_record_already_is_kept(inventory: Inventory, fleet: FakeFleet) -> None:
    found = registry_of(fleet).add("skp/x", "1")
    swarm = FakeSwarm(fleet)
    swarm.add("id-c01", "c01", "manager")
    swarm.labels = {"skp.digests": json.dumps({"skp/x:1": [found]})}
    assert plan_image_admission(inventory, fleet, IMAGE).items[0].action == "keep"


def test_another_digest_than_was_typed_is_refused(inventory: Inventory, fleet: FakeFleet) -> None:
    found = registry_of(fleet).add("skp/x", "1")
    assert plan_image_admission(inventory, fleet, IMAGE, found).items[0].changes
    with pytest.raises(SkpError, match=f"is {found}, not {digest('mine')}: nothing was admitted"):
        plan_image_admission(inventory, fleet, IMAGE, digest("mine"))


def test_an_image_that_is_not_there_is_told(inventory: Inventory, fleet: FakeFleet) -> None:
    registry_of(fleet).add("skp/x", "2")
    with pytest.raises(SkpError, match="the master's registry does not have skp/x:1") as caught:
        plan_image_admission(inventory, fleet, IMAGE)
    assert caught.value.hint == "Push it there: docker push localhost:5000/skp/x:1 on c01"


def test_without_registry_or_swarm_nothing_is_admitted(
    inventory: Inventory, fleet: FakeFleet
) -> None:
    no_registry(fleet.connections["c01"])
    with pytest.raises(NodeError, match="no registry answers"):
        plan_image_admission(inventory, fleet, IMAGE)
    FakeSwarm(fleet)  # without managers
    with pytest.raises(NodeError, match="there is no Swarm yet") as caught:
        plan_image_admission(inventory, fleet, IMAGE)
    assert caught.value.hint == "./skp.py docker.swarm-init"


def test_a_manager_that_answers_tells_for_one_that_does_not(
    inventory: Inventory, fleet: FakeFleet
) -> None:
    registry_of(fleet).add("skp/x", "1")
    fleet.connections["c01"].on("GET /swarm", refusal(500, "no leader"))
    (item,) = plan_image_admission(inventory, fleet, IMAGE).items
    assert item.node == "c02"
    for name in ("c02", "c03"):
        fleet.connections[name].on("GET /swarm", refusal(500, "no leader"))
    with pytest.raises(NodeError, match="reading the digests of record: no leader"):
        plan_image_admission(inventory, fleet, IMAGE)


@pytest.mark.parametrize(
    ("typed", "image"),
    [
        ("skp/docker-ds:latest", Image("skp/docker-ds")),
        ("localhost:5000/skp/x:1.0", Image("skp/x", "1.0")),
        (f"tiny:1@{digest('x')}", Image("tiny", "1")),
    ],
)
def test_an_image_is_named_with_its_tag(typed: str, image: Image) -> None:
    assert parse(typed) == (image, digest("x") if "@" in typed else "")


@pytest.mark.parametrize("typed", ["", "skp/x", "A b:1", "skp/x:a b", "skp/x:1@sha256:1", ":1"])
def test_what_names_no_image_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError):
        parse(typed)


def test_another_image_under_the_tag_changes_nothing_until_it_is_admitted(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply") == 0
    before = cluster.labels["skp.digests"]
    made = {name: found["Id"] for name, found in cluster.containers("jupyter").items()}
    cluster.push(DS, digest("poisoned"))
    assert cluster.master.pushed[REFERENCE] == digest("poisoned")
    capsys.readouterr()
    for words in (["docker.apply"], ["docker.plan"], ["docker.status"]):
        assert cluster.run(*words) == 0
        said = capsys.readouterr().err
        assert f"the registry's {DS} is {digest('poisoned')}, not the admitted one" in said
    assert {n: found["Id"] for n, found in cluster.containers("jupyter").items()} == made
    assert cluster.labels["skp.digests"] == before
    assert cluster.run("docker.image-admit", DS, "--dry") == 0
    assert cluster.labels["skp.digests"] == before
    assert cluster.run("docker.image-admit", DS) == 0
    assert json.loads(cluster.labels["skp.digests"])[DS][0] == digest("poisoned")
    assert cluster.run("docker.apply") == 0
    assert {n: found["Id"] for n, found in cluster.containers("jupyter").items()} != made
    steps = [s for entry in cluster.trail("c01") for s in entry.get("steps", [])]
    assert [s["name"] for s in steps if s["action"] == "admit"] == [DS]


def test_a_cluster_without_a_record_is_taken_over_as_it_runs(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after an upgrade, with another image in the registry than the one that runs."""
    assert cluster.run("docker.apply") == 0
    made = {name: found["Id"] for name, found in cluster.containers("jupyter").items()}
    of_record = json.loads(cluster.labels.pop("skp.digests"))
    cluster.push(DS, digest("poisoned"))
    capsys.readouterr()
    assert cluster.run("docker.plan") == 0
    assert "record the digests that run" in capsys.readouterr().out
    assert "skp.digests" not in cluster.labels
    assert cluster.run("docker.apply") == 0
    assert json.loads(cluster.labels["skp.digests"]) == {DS: of_record[DS]}
    assert {n: found["Id"] for n, found in cluster.containers("jupyter").items()} == made
    assert cluster.run("docker.apply") == 0
    assert "Nothing to change" in capsys.readouterr().out


def test_a_service_whose_image_has_no_digest_on_record_is_not_made(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    del cluster.labels["skp.digests"]
    assert cluster.run("docker.apply") == 1
    said = capsys.readouterr().out
    assert f"no digest is recorded of {DS}" in said
    assert f"./skp.py docker.image-admit {DS}" in said
    assert cluster.containers("jupyter") == {}
    assert cluster.containers("registry")


def test_with_a_record_of_no_known_form_what_runs_goes_on(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply") == 0
    cluster.labels["skp.digests"] = "nonsense"
    made = {name: found["Id"] for name, found in cluster.containers("jupyter").items()}
    assert cluster.run("docker.apply") == 1
    assert "is of no known form" in capsys.readouterr().out
    assert {n: found["Id"] for n, found in cluster.containers("jupyter").items()} == made
    assert cluster.labels["skp.digests"] == "nonsense"
    assert cluster.run("docker.image-admit", DS) == 0
    assert "it begins anew" in capsys.readouterr().err
    assert cluster.run("docker.apply") == 0


def test_a_lie_of_a_worker_is_not_rolled_back_to(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = json.loads((tmp_path / "hosts.json").read_text())
    hosts["c02"]["groups"], hosts["c01"]["labels"] = ["worker"], []
    (tmp_path / "hosts.json").write_text(json.dumps(hosts))
    assert cluster.run("docker.apply", "registry,jupyter") == 0
    (found,) = cluster.containers("jupyter").values()
    found["Config"]["Labels"]["skp.previous"] = digest("evil")
    cluster.push("skp/evil:1", digest("evil"))
    assert cluster.run("docker.rollback", "-s", "jupyter") == 1
    assert "jupyter has nothing to go back to" in capsys.readouterr().err
    cluster.admit(DS, digest("evil"))  # it was admitted once
    assert cluster.run("docker.rollback", "-s", "jupyter") == 0
