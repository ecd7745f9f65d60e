"""What tests of the gate share: one that the API asks, and an operation that is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate import runner
from tests.support.gates import Api, Reader, Worker, gate
from tests.support.operating import Operation, operation


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    Worker.reset()
    monkeypatch.setattr(runner, "_AGAIN", 0.01)
    reader = Reader()
    with gate(tmp_path, monkeypatch, reader):
        yield Api(tmp_path / "api", reader)
        Worker.may_end.set()


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operation]:
    """An operation, whose file is that of the deployment web."""
    with operation(tmp_path, monkeypatch) as found:
        yield found
