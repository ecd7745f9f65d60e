"""One command at a time changes the cluster."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import ROOT, host_docker, on, skp

Settings = Callable[..., dict[str, str]]
SLOW = ["./skp.py", "docker.registry-run"]


@pytest.fixture
def slow(changed: None) -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Return a starter of a command that is busy until the test lets it go on: c03 is paused."""
    begun: list[subprocess.Popen[str]] = []

    def start(before: list[str]) -> subprocess.Popen[str]:
        on("c03", "docker rm -f registry-skp")
        process = subprocess.Popen(
            [*before, *SLOW], cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root"},
        )  # fmt: skip
        begun.append(process)
        assert process.stderr is not None
        assert "create registry-skp" in process.stderr.readline()
        host_docker("pause", "c03")
        return process

    yield start
    host_docker("unpause", "c03")
    for process in begun:
        process.communicate(timeout=120)  # to its end: who kills it leaves a lock to be waited for


def in_another_namespace() -> list[str]:
    """Processes of another PID namespace can't be looked at: as if on another machine."""
    return ["unshare", "--pid", "--fork", "--kill-child"]


@pytest.mark.parametrize("before", [[], in_another_namespace()], ids=["here", "elsewhere"])
def test_the_second_of_two_commands_names_the_first(
    slow: Callable[[list[str]], subprocess.Popen[str]], before: list[str]
) -> None:
    slow(before)
    began = time.monotonic()
    second = skp("docker.jupyter-rm", "--nodes", "c01")
    assert second.code == 75, second.all
    assert "another command is changing this cluster: " in second.err
    assert ": docker.registry-run" in second.err
    assert time.monotonic() - began < 35, "it is not waited for: 40 s, then it would be taken over"
    assert skp("docker.status", "--nodes", "c01").code == 0, "looking needs no lock"


def test_a_lock_whose_holder_died_elsewhere_is_taken_over(
    slow: Callable[[list[str]], subprocess.Popen[str]],
) -> None:
    slow(in_another_namespace()).kill()
    host_docker("unpause", "c03")
    began = time.monotonic()
    ran = skp("docker.apply")
    took = time.monotonic() - began
    assert ran.code == 0, ran.all
    assert "waiting up to 30 s for a sign of" in ran.err
    assert "the lock was taken over from a command that died" in ran.err
    assert 25 < took < 60


def test_before_there_is_a_swarm_the_master_holds_the_lock(changed: None) -> None:
    for node in ("c03", "c02", "c01"):
        on(node, "docker swarm leave --force")
    holder = subprocess.Popen(
        ["ssh", "-F", ".lab/ssh_config", "c01", "sudo flock /run/skp.lock sleep 20"], cwd=ROOT
    )
    try:
        ran = skp("docker.swarm-init")
        while ran.code == 0:  # it was faster than the other: once more from nothing
            on("c01", "docker swarm leave --force")
            ran = skp("docker.swarm-init")
        assert ran.code == 75, ran.all
        assert "another command is changing this cluster" in ran.err
    finally:
        on("c01", "sudo pkill -x sleep")
        holder.wait()
    assert skp("docker.swarm-init").code == 0


def test_without_a_quorum_it_is_said_and_nothing_is_touched(changed: None) -> None:
    host_docker("kill", "c02", "c03")
    try:
        # For a while the last manager still answers; what it changes then fails or waits.
        end = time.monotonic() + 90
        while time.monotonic() < end:
            began = time.monotonic()
            ran = skp("docker.apply")
            took = time.monotonic() - began
            if "no quorum" in ran.all:
                break
        assert ran.code == 1
        assert (
            "the Swarm has no quorum: 1 of 3 managers can be reached; what runs goes on" in ran.out
        )
        assert "Bring a majority back: c02, c03" in ran.out
        assert took < 45, "10 s to connect, 30 s for a request"
        assert "running" in on("c01", "docker ps -a --format '{{.State}}'").out
    finally:
        host_docker("start", "c02", "c03")
