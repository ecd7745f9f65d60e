"""One lab for all tests of a run, brought to the same state before each of them."""

from __future__ import annotations

import os

import pytest

from tests.support.lab import HOSTS


@pytest.fixture(scope="session", autouse=True)
def _hosts() -> None:
    """Have every command read `HOSTS`, unless a test names another inventory."""
    os.environ["SKP_HOSTS"] = str(HOSTS)
