"""A small cluster whose secrets and whose command are always the same, so that wires compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config import secrets_file
from cluster.config.inventory import Inventory
from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.lock.holder import Holder
from tests.support.converging import Converging
from tests.support.fake_cluster import FakeCluster

ME = Holder("ann@desk", "docker.apply", "2026-11-28T10:00:00+00:00", "boot-1", 17, "900")


@pytest.fixture
def me(monkeypatch: pytest.MonkeyPatch) -> Holder:
    """The process that runs commands, as others see it."""
    monkeypatch.setattr(Holder, "me", lambda _: ME)
    return ME


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, me: Holder) -> FakeCluster:
    """Three managers in a Swarm; nothing runs yet."""
    cluster = FakeCluster(tmp_path, monkeypatch)
    keys = (SPEC_KEY, *cluster.wanted.settings.password_keys)
    given_only = cluster.wanted.settings.given_only
    values = {key: Secret(f"the-{key}") for key in keys if key not in given_only}
    secrets_file.write(tmp_path / "secrets.env", StoredSecrets(values, 1))
    cluster.begin()
    return cluster


@pytest.fixture
def command(cluster: FakeCluster) -> Converging:
    """A command that converges on that cluster."""
    return Converging(cluster)


@pytest.fixture
def inventory(cluster: FakeCluster) -> Inventory:
    return cluster.wanted.inventory
