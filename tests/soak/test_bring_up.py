"""Thirty times eight machines, seven of which have nothing: one apply makes the whole cluster.

The platform's races show only now and then: labelling a node that has just joined, and the first
container on the overlay of such a node. So every node gets a container on the overlay at once: a
small image in Jupyter's place, since only its network counts here.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import stand_in
from tests.support.lab import ROOT, Ran, admit, on, run, skp

TIMES, SIZE = 30, 8
NODES = tuple(f"c{number:02d}" for number in range(1, SIZE + 1))
REGISTRY = "/home/skp/skp/platform/registry"
attempts: list[str] = []


@dataclass(frozen=True)
class Prepared:
    """What the master has from the start, as files: building it thirty times would test nothing."""

    image: Path
    registry: Path
    env: dict[str, str]


def on_master(*words: str, given: bytes = b"", seconds: float = 300) -> bytes:
    done = subprocess.run(
        ["docker", "exec", "-i", "c01", *words],
        input=given, capture_output=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def fresh() -> None:
    assert skp("-q", "lab.down").code == 0
    assert skp("-q", "lab.up", "-n", str(SIZE)).code == 0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """An inventory with Jupyter on every node, the registry's image, and what it holds."""
    assert run("bin/setup").code == 0
    fresh()
    folder = tmp_path_factory.mktemp("bring-up")
    hosts = json.loads((ROOT / ".lab" / "hosts.json").read_text())
    for entry in hosts.values():
        entry["labels"] = [{"jupyter": "enable"}]
    (folder / "hosts.json").write_text(json.dumps(hosts))
    env = {"SKP_HOSTS": str(folder / "hosts.json")}
    begin(env)
    stand_in.build()
    (folder / "image.tar").write_bytes(on_master("docker", "save", "skp/docker-registry:latest"))
    (folder / "registry.tar").write_bytes(on_master("tar", "-c", "-C", REGISTRY, "."))
    yield Prepared(folder / "image.tar", folder / "registry.tar", env)
    skp("-q", "lab.down")
    print(f"\nraces met in {TIMES} bring-ups of {SIZE} nodes: {len(attempts)}", *attempts, sep="\n")


def begin(env: dict[str, str]) -> None:
    """Have a Swarm of one node, which remembers digests, and a registry there."""
    for words in (["docker.swarm-init"], ["docker.registry-run", "--nodes", "c01"]):
        ran = skp(*words, env=env)
        assert ran.code == 0, ran.all


def bring_up(prepared: Prepared) -> Ran:
    began = time.monotonic()
    ran = skp("docker.apply", env=prepared.env)
    met = re.findall(r"^\+ .* at attempt \d+$", ran.out, re.MULTILINE)
    attempts.extend(met)
    print(f"\n{SIZE} nodes from nothing in {time.monotonic() - began:.1f} s", *met, sep="\n")
    return ran


def check_reaches(node: str, peer: str) -> None:
    """The engines tell each other of new containers by gossip, which may take some seconds."""
    own = "jupyter-skp" if node == NODES[0] else f"jupyter-skp-{node}"
    ask = f"wget -q -T 3 -O - http://jupyter-skp-{peer}:8010/bin/jupyter-health"
    began = time.monotonic()
    while (reached := on(node, f"docker exec {own} {ask}")).out != stand_in.CONTEXT[
        "jupyter-health"
    ]:
        took = time.monotonic() - began
        assert took < 60, f"{node} does not reach {peer} over the overlay: {reached.all}"
        print(f"{node} to {peer}: not yet after {took:.1f} s: {reached.err.strip()}")


@pytest.mark.parametrize("number", range(1, TIMES + 1))
def test_a_bring_up_is_all_right(prepared: Prepared, number: int) -> None:
    fresh()
    on_master("docker", "load", "-q", given=prepared.image.read_bytes())
    on_master("install", "-d", "-o", "skp", "-g", "skp", REGISTRY)
    on_master("tar", "-x", "-C", REGISTRY, given=prepared.registry.read_bytes())
    begin(prepared.env)
    admit()
    ran = bring_up(prepared)
    assert ran.code == 0, ran.all
    assert skp("docker.status", env=prepared.env).code == 0
    again = skp("docker.apply", env=prepared.env)
    assert again.out.startswith("Nothing to change"), again.all
    for node, peer in zip(NODES, (*NODES[1:], NODES[1]), strict=True):
        check_reaches(node, peer)
