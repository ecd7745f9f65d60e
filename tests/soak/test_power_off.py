"""A node goes off at a random moment of an apply that joins it and starts all it has to run."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.support.lab import ROOT, host_docker, on, restore, run, skp
from tests.support.power import check_heals, leave_the_swarm, remove_registries

TIMES = 20
# Seconds; what the apply takes when nothing happens is about 4.
LONGEST = 5.0


@pytest.fixture(scope="module")
def lab() -> None:
    assert run("bin/demo", seconds=1200).code == 0


@pytest.mark.parametrize("seed", range(TIMES))
def test_whenever_a_node_goes_off_the_next_apply_heals(lab: None, seed: int) -> None:
    moment = random.Random(seed).uniform(0, LONGEST)  # noqa: S311 - not for secrets
    restore()
    leave_the_swarm()
    remove_registries()
    with subprocess.Popen(
        ["./skp.py", "docker.apply"], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        time.sleep(moment)
        assert host_docker("kill", "c03").code == 0
        said, _ = process.communicate(timeout=300)
    print(f"off after {moment:.2f} s: exit code {process.returncode}\n{said}")
    assert "registry-skp" in on("c02", "docker ps --format '{{.Names}}'").out, said
    assert process.returncode == 1 or "c03 " in said, said
    began = time.monotonic()
    check_heals()
    print(f"healed in {time.monotonic() - began:.0f} s")
    assert skp("docker.apply").out.startswith("Nothing to change")
