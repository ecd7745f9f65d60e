"""Nodes whose engines keep images in containerd's store, as each Docker 29 that is new does.

That store names an image by its manifest, the other one by its configuration: the same image has
two ids. A small image stands in Jupyter's place, since only its way to the nodes counts here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine import connect
from lab.image import carry_base
from tests.support import stand_in
from tests.support.data_volumes import until
from tests.support.lab import NODES, ROOT, container_ids, host_docker, on, skp

CONTAINERD = '{"features": {"containerd-snapshotter": true}}'
STORE = "docker info -f '{{.DriverStatus}}'"


def keep_images_in_containerd(node: str) -> None:
    """Have the engine of `node` keep its images there, and wait until it answers again."""
    script = f"echo '{CONTAINERD}' >/etc/docker/daemon.json; kill $(pidof dockerd)"
    ran = host_docker("exec", node, "sh", "-c", f"mkdir -p /etc/docker; {script}")
    assert ran.code == 0, ran.all
    until(lambda: "io.containerd.snapshotter.v1" in on(node, STORE).out, 60)
    if node == "c01":
        carry_base(connect(), node)  # what it had is in the other store


@pytest.fixture(scope="module", params=[NODES, ("c02",), ("c01",)], ids=["all", "one", "master"])
def env(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A cluster that runs on such nodes: what its commands read."""
    assert skp("-q", "lab.down").code == 0
    assert skp("-q", "lab.up", "-n", "3").code == 0
    for node in request.param:
        keep_images_in_containerd(node)
    path: Path = tmp_path_factory.mktemp("stores") / "hosts.json"
    hosts = json.loads((ROOT / ".lab" / "hosts.json").read_text())
    for entry in hosts.values():
        entry["labels"] = [{"jupyter": "enable"}]
    path.write_text(json.dumps(hosts))
    given = {"SKP_HOSTS": str(path)}
    for words in (("docker.swarm-init",), ("docker.swarm-join",), ("docker.registry-run",)):
        ran = skp(*words, env=given)
        assert ran.code == 0, ran.all
    stand_in.build()
    ran = skp("docker.apply", env=given)
    assert ran.code == 0, ran.all
    yield given
    assert skp("-q", "lab.down").code == 0


def test_a_second_apply_changes_nothing(env: dict[str, str]) -> None:
    before = container_ids()
    assert all({"registry-skp"} < {n.rpartition("-c0")[0] or n for n in before[o]} for o in NODES)
    ran = skp("docker.apply", "--json", env=env)
    assert (ran.code, ran.json["changed"]) == (0, False), ran.all
    assert container_ids() == before


def test_the_list_has_each_image_once_per_node_with_one_digest(env: dict[str, str]) -> None:
    listed = skp("docker.image-list", "--json", env=env).json["images"]
    rows = [(row["image"], row["node"]) for row in listed]
    assert sorted(rows) == sorted(("skp/docker-ds:latest", node) for node in NODES)
    (digest,) = {row[key] for row in listed for key in ("admitted", "registry", "engine")}
    assert digest.startswith("sha256:")


def test_a_new_image_comes_and_goes_back_and_the_old_one_is_pruned(env: dict[str, str]) -> None:
    before = container_ids()
    stand_in.build("second")
    for words in (("docker.apply",), ("docker.rollback", "-s", "jupyter"), ("docker.apply",)):
        ran = skp(*words, env=env)
        assert ran.code == 0, ran.all
    assert all(before[node] != found for node, found in container_ids().items())
    ran = skp("docker.jupyter-run", env=env)  # ends the rollback
    assert ran.code == 0, ran.all
    assert skp("docker.image-prune", "--yes", env=env).code == 0
    ran = skp("docker.image-prune", "--yes", "--json", env=env)
    assert (ran.code, ran.json["changed"]) == (0, False), ran.all
