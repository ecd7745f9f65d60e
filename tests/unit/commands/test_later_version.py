"""A cluster that a later version laid out: it is left as it is, and said to be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.model.decisions import LABEL_LAYOUT
from tests.support.fake_cluster import HOSTS, FakeCluster


@pytest.mark.parametrize("command", ["docker.apply", "docker.status", "docker.swarm-init"])
def test_a_layout_that_is_not_known_is_never_taken_for_an_old_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    cluster = FakeCluster(tmp_path, monkeypatch, HOSTS)
    cluster.begin()
    cluster.labels[LABEL_LAYOUT] = "3"
    assert cluster.run(command) != 0
    said = capsys.readouterr()
    assert "skp.layout says '3'; known to this version: new, 2, moving" in said.err
    assert "A later version of SKP" in said.err
    assert not [line for line in cluster.wire if " POST " in line or " PUT " in line], cluster.wire
    assert cluster.containers("registry") == {}
