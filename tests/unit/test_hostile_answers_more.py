"""What a node says of its place in the Swarm, and what it would have the operator read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.output import log_line
from tests.support.fake_cluster import FakeCluster, after_apply, again

HOSTS = {
    "c01": {"ipv4": "10.1.0.1", "labels": [{"jupyter": "enable"}], "groups": ["master", "manager"]},
    "c02": {"ipv4": "10.1.0.2", "labels": [], "groups": ["manager"]},
    "c03": {"ipv4": "10.1.0.3", "labels": [{"jupyter": "enable"}], "groups": ["worker"]},
}


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    return FakeCluster(folder, patch, HOSTS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return after_apply(tmp_path_factory.mktemp("made"), made)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: dict[str, Any]) -> FakeCluster:
    return again(tmp_path, monkeypatch, made, saved)


def test_a_worker_that_says_it_is_a_manager_demotes_nobody(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.entries["id-c02"]["Spec"]["Role"] == "manager"
    cluster["c03"].swarm["NodeID"] = "id-c02"
    assert cluster.run("docker.apply") == 1
    assert "it says that it is the Swarm's member id-c02, which is c02" in capsys.readouterr().out
    assert cluster.entries["id-c02"]["Spec"]["Role"] == "manager"


def test_a_worker_is_not_asked_for_what_the_swarm_remembers(cluster: FakeCluster) -> None:
    """Without a leader the managers can't say; a worker that offers to is not believed."""
    cluster["c03"].swarm["ControlAvailable"] = True
    cluster.forget_wire()
    cluster.run("docker.plan")
    assert "c01: GET /swarm" in cluster.wire
    cluster.down |= {"c01", "c02"}
    cluster.forget_wire()
    cluster.run("docker.plan")
    assert "c03: GET /swarm" not in cluster.wire


def test_a_command_in_a_marker_is_not_offered_for_pasting(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = "/home/skp/skp/platform/.skp"
    cluster.shared.clear()
    cluster["c03"].shared = {mark: "ok; sudo touch /opt/pwned; echo ok\n"}
    assert cluster.run("docker.apply") == 1
    said = capsys.readouterr().out
    assert f"echo found-again | sudo tee {mark}" in said
    assert "pwned" not in said


def test_a_colour_ends_with_its_line_and_nothing_is_concealed() -> None:
    assert log_line("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert log_line("plain") == "plain"
    for hidden in ("\x1b[8m", "\x1b[0;8m", "\x1b[08;31m"):
        assert log_line(f"{hidden}x") == "x"
