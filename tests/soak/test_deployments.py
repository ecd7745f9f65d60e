"""Deployments where something is scarce or lost: GPUs (their names alone), and a node."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import foreign_registry as foreign
from tests.support.data_volumes import until
from tests.support.deployed import IMAGE, answers, applied, clear, file, rows, text
from tests.support.gpus import again, shown
from tests.support.lab import NODES, host_docker, node_rows, on, skp

# What the Swarm knows of a node.
NAMES = (
    "{{range .Description.Resources.GenericResources}}{{println .NamedResourceSpec.Value}}{{end}}"
)
GPUS = {"c01": 4, "c02": 4}
ONE = {"cpus": 0.05, "memory": "32m", "gpus": 1}


@pytest.fixture(autouse=True)
def _cleared(no_deployments: None) -> None:
    """Each begins, and ends, without deployments."""


@pytest.fixture
def nvidia_smi(no_deployments: None) -> Iterator[None]:
    """Two nodes list GPUs."""
    with shown(GPUS):
        yield


@pytest.fixture
def gpus(nvidia_smi: None, tmp_path: Path) -> None:
    """host.install has had the Swarm know two nodes' GPUs, with a deployment at work on one."""
    on("c01", "docker node update --availability drain c03")
    (before,) = applied(tmp_path, text("mover"))
    on("c01", "docker node update --availability active c03")
    assert before["node"] in GPUS
    plain = platform_containers()
    words = ("host.install", "--nodes", ",".join(GPUS))
    refused = skp(*words)
    assert refused.code == 1, refused.all
    assert refused.out.count("--yes restarts it") == 2, refused.all
    assert rows(skp("deploy.list", "--json"))[0]["container"] == before["container"]
    installed = skp(*words, "--yes")
    assert installed.code == 0, installed.all
    assert "did not start again" not in installed.all
    for node, count in GPUS.items():
        found = on("c01", f"docker node inspect {node} -f '{NAMES}'").out.split()
        assert sorted(found) == [f"GPU-{node}-{n}" for n in range(count)]
    assert {row[1] for row in node_rows().values()} == {"Active"}
    until(lambda: answers("first"), 60)
    tasks = "docker service ps $(docker service ls -q) --format '{{.Node}} {{.DesiredState}}'"
    assert f"{before['node']} Shutdown" in on("c01", tasks).out.splitlines()
    until(lambda: platform_containers() == plain, 60)
    assert skp(*words).out.startswith("Nothing to change")
    assert skp("deploy.rm", "0", "mover", "--yes").code == 0


def platform_containers() -> dict[str, list[str]]:
    """Return the platform's containers that run, which are no tasks of the Swarm, by node."""
    shown = "docker ps --no-trunc --filter name=-skp --format '{{.Names}} {{.ID}}'"
    return {node: sorted(on(node, shown).out.splitlines()) for node in GPUS}


def held(found: list[dict[str, Any]]) -> dict[str, str]:
    """Return which GPU each container has, as it sees it itself."""
    running = [row for row in found if row["phase"] == "Running"]
    seen = {}
    for row in running:
        told = on(row["node"], f"docker exec {row['container']} busybox env").out.splitlines()
        said = dict(line.partition("=")[::2] for line in told)
        assert said["NVIDIA_VISIBLE_DEVICES"] == "void"
        assert row["gpus"] == [said["DOCKER_RESOURCE_GPU"]]
        seen[row["deployment"]] = said["DOCKER_RESOURCE_GPU"]
    return seen


def settled() -> list[dict[str, Any]]:
    def is_so() -> bool:
        phases = [row["phase"] for row in rows(skp("deploy.list", "--json"))]
        return phases.count("Running") == 8 and phases.count("Pending") == len(phases) - 8

    until(is_so, 120)
    return rows(skp("deploy.list", "--json"))


def test_ten_that_want_a_gpu_on_eight(gpus: None, tmp_path: Path) -> None:
    def bring(word: str, *more: str) -> None:
        paths = [
            file(tmp_path, text(f"train-{n}", word, ports=[], resources=ONE), f"{n}-{word}.yaml")
            for n in range(10)
        ]
        with ThreadPoolExecutor(10) as pool:
            done = list(pool.map(lambda path: skp("deploy.apply", path, *more), paths))
        assert {ran.code for ran in done} == {0}, [ran.all for ran in done if ran.code]

    bring("first")
    found = settled()
    has = held(found)
    assert len(set(has.values())) == len(has) == 8
    waiting = [row for row in found if row["phase"] == "Pending"]
    for row in waiting:
        assert row["reasons"] == [
            "c01: gpus: 1 wanted, 0 of 4 left",
            "c02: gpus: 1 wanted, 0 of 4 left",
            "c03: gpus: 1 wanted, 0 of 0 left",
        ]
    changed = sorted(has)[:4]
    for name in changed:
        applied(tmp_path, text(name, "second", ports=[], resources=ONE), "--update")
    host_docker("restart", "-t", "5", "c02")
    again()
    has = held(settled())
    assert len(set(has.values())) == len(has) == 8


@pytest.fixture
def cut_off(no_deployments: None, tmp_path: Path) -> Iterator[str]:
    """An image of another registry was copied; then that ended, and no node has a way out."""
    image = f"{foreign.NAME}/team/web:2"
    with foreign.serving():
        foreign.push(image, "FROM skp/docker-registry:latest\\nUSER 0:0\\nENTRYPOINT []\\n")
        copied = skp("image.mirror", image, "-c", str(foreign.logins(tmp_path / "logins")))
        assert copied.code == 0, copied.all
    for node in NODES:
        assert on(node, "sudo ip route del default").code == 0
    yield image
    for node in NODES:
        on(node, "sudo ip route replace default via 10.99.0.1")
    clear()
    gone = ("-i=mirror/registry.example.com/team/web", "-t=2", "--yes")
    until(lambda: skp("docker.image-rm", *gone).code == 0, 60)


def test_a_node_is_lost_and_what_is_not_bound_answers_elsewhere(
    cut_off: str, tmp_path: Path
) -> None:
    """With the way out cut: deployed, changed, rolled back, and on another node by itself."""

    def wanted(name: str, **more: Any) -> str:
        return text(name, **more).replace(IMAGE, cut_off)

    applied(tmp_path, wanted("free", word="old"))
    applied(tmp_path, wanted("free"), "--update")
    applied(tmp_path, wanted("free", word="newer"), "--update")
    (free,) = rows(skp("deploy.rollback", "free", "--json"))
    lost = free["node"] if free["node"] != "c01" else "c02"
    if free["node"] == "c01":
        on("c01", "docker node update --availability drain c01")
        until(lambda: rows(skp("deploy.list", "--json"))[0]["node"] not in ("c01", ""), 60)
        on("c01", "docker node update --availability active c01")
        lost = rows(skp("deploy.list", "--json"))[0]["node"]
    until(lambda: answers("first"), 60)
    bound = file(tmp_path, wanted("bound", node=lost, ports=[]), "bound.yaml")
    assert skp("deploy.apply", bound).code == 0
    host_docker("kill", lost)
    try:
        began = time.monotonic()
        ((_, port),) = free["ports"]

        def elsewhere() -> bool:
            for number in (1, 2, 3):
                with suppress(OSError):
                    url = f"http://10.99.0.1{number}:{port}/"
                    with urllib.request.urlopen(url, timeout=1) as answer:
                        return bool(answer.read() == b"first\n")
            return False

        until(elsewhere, 60)
        print(f"a lost node: it answers elsewhere after {time.monotonic() - began:.0f} s")
        by_name = {row["deployment"]: row for row in rows(skp("deploy.list", "--json"))}
        assert by_name["bound"]["phase"] != "Running"
        assert f"{lost}: it is down" in " ".join(by_name["bound"]["reasons"])
    finally:
        host_docker("start", lost)
        again()
