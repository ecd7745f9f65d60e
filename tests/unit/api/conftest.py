"""The API server between two stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_served import Served, serving


@pytest.fixture(scope="package")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("api")) as found:
        yield found


@pytest.fixture
def served(_served: Served) -> Served:
    """The server, and whom it asks, as they were at first but for what the server has kept."""
    _served.begin()
    return _served


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """A server of the test's own, for what it breaks or keeps."""
    with serving(tmp_path) as found:
        yield found
