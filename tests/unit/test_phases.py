"""What is said of test modules by name is said of modules that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import layers, phases

LAB = phases.TESTS / "lab"


@pytest.mark.parametrize("names", [phases.OWN_LAB, phases.APART, phases.ORDER, layers.IMAGES])
def test_every_module_that_is_named_is_there(names: set[str] | dict[str, object]) -> None:
    there = {path.name for path in LAB.rglob("test_*.py")}
    assert set(names) <= there


def test_every_image_that_is_made_ahead_has_a_recipe() -> None:
    folder = phases.TESTS.parent / "images"
    images = [image for chosen in layers.IMAGES.values() for image in chosen]
    assert [image for image in images if not (folder / image / "Dockerfile").is_file()] == []


@pytest.mark.parametrize("beside", [True, False])
def test_a_module_belongs_to_one_part(monkeypatch: pytest.MonkeyPatch, beside: bool) -> None:
    monkeypatch.setattr(phases, "IS_APART", False)
    monkeypatch.setattr(phases, "IS_BESIDE", beside)
    paths: dict[str, Path] = {
        "unit": phases.TESTS / "unit" / "test_logs.py",
        "own lab": LAB / "test_lab_lifecycle.py",
        "lab": LAB / "test_busy.py",
        "lab apart" if beside else "lab": LAB / "test_logs.py",
        "soak": phases.TESTS / "soak" / "test_spark.py",
    }
    assert {part: phases.part(path) for part, path in paths.items()} == {p: p for p in paths}
