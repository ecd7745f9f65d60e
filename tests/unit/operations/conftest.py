"""Operations wait by a clock of their own here, and build from recipes of their own."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from cluster import operations
from cluster.model import recipes
from cluster.operations import image
from tests.support.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Give the clock by which all modules of cluster/operations wait."""
    clock = FakeClock()
    for found in pkgutil.iter_modules(operations.__path__):
        module = importlib.import_module(f"cluster.operations.{found.name}")
        if hasattr(module, "time"):
            monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of recipes with nothing in them but what building needs."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "build.sh").write_text("true\n")
    for part in ("base", "host", "docker-ds"):
        (folder / part).mkdir()
        (folder / part / "Dockerfile").write_text("FROM scratch\n")
    return folder


@pytest.fixture(autouse=True)
def images(monkeypatch: pytest.MonkeyPatch, small: Path) -> Path:
    """Give the folder that stands for images/."""
    monkeypatch.setattr(recipes, "RECIPES", small)
    monkeypatch.setattr(image, "RECIPES", small)
    return small
