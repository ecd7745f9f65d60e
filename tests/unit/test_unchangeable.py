"""What a Swarm keeps for as long as it lives is told where the files say otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.model.unchangeable import warnings
from tests.support.described import described
from tests.support.fake_cluster import FakeCluster
from tests.support.swarm_plans import OUTSIDE, entry, member, state, swarm

HOSTS: dict[str, Any] = {
    "c01": {"ipv4": "10.0.0.1", "labels": [], "groups": ["master", "manager"]},
    "c02": {"ipv4": "10.0.0.2", "labels": [], "groups": ["manager"]},
    "c03": {"ipv4": "10.0.0.3", "labels": [], "groups": ["worker"]},
}
THERE = swarm(entry(1, "manager"), entry(2, "manager"), entry(3, "worker"))


def test_a_swarm_keeps_its_data_path_port(tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS, {"SKP_NET_PORT": "7789"})
    found = state(THERE, member(1, True), member(2, True), member(3))
    (told,) = warnings(cluster, found)
    assert "env.sh:2: SKP_NET_PORT: 7789 is for a Swarm that is begun" in told
    assert 'keeps 4789/udp: write export SKP_NET_PORT="4789", or make it anew' in told
    assert warnings(cluster, replace(found, swarm=replace(THERE, data_port=7789))) == []
    assert warnings(cluster, state(None, OUTSIDE, OUTSIDE, OUTSIDE)) == []


def test_a_swarm_is_begun_with_its_port_and_commands_tell_when_it_is_not_the_wanted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster(tmp_path, monkeypatch, SKP_NET_PORT="7789")
    assert cluster.run("docker.swarm-init") == 0
    assert cluster.data_port == 7789
    capsys.readouterr()
    assert cluster.run("docker.swarm-init") == 0
    assert "SKP_NET_PORT" not in capsys.readouterr().err
    cluster.data_port = 0  # what an engine says that was given none
    for words in (("docker.swarm-init",), ("docker.status", "jupyter")):
        cluster.run(*words)
        assert "keeps 4789/udp" in capsys.readouterr().err, words
