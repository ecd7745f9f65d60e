"""Too few lines that tests run are refused, by folder and by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.coverage_floor import below, main, read

FLOORS = {"cluster/lock": 85}


@pytest.mark.parametrize(
    ("lines", "complaints"),
    [
        pytest.param({"cluster/lock/a.py": (85, 100)}, [], id="at the floor"),
        pytest.param({"cluster/lock/__init__.py": (0, 0), "cluster/lock/a.py": (9, 9)}, [],
                     id="a file without lines"),
        pytest.param(
            {"cluster/lock/a.py": (84, 100)},
            ["cluster/lock: 84.0 % of its lines were run, at least 85 % have to be"],
            id="a folder",
        ),
        pytest.param(
            {"cluster/lock/a.py": (990, 1000), "cluster/lock/b.py": (5, 10)},
            ["cluster/lock/b.py: 50.0 % of its lines were run, at least 60 % have to be"],
            id="one file of a folder that is well covered",
        ),
        pytest.param(
            {"cluster/locks/a.py": (9, 9)},
            ["cluster/lock: 0.0 % of its lines were run, at least 85 % have to be"],
            id="a folder that was renamed",
        ),
    ],
)  # fmt: skip
def test_what_is_below_its_floor_is_named(
    lines: dict[str, tuple[int, int]], complaints: list[str]
) -> None:
    assert below(lines, FLOORS, 60) == complaints


def test_the_report_of_coverage_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = {"covered_lines": 1, "num_statements": 4}
    report = tmp_path / "coverage.json"
    report.write_text(json.dumps({"files": {"cluster/lock/a.py": {"summary": summary}}}))
    assert read(report) == {"cluster/lock/a.py": (1, 4)}
    assert main(str(report)) == 1
    assert "coverage: cluster/lock/a.py: 25.0 %" in capsys.readouterr().err
