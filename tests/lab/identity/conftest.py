"""What the tests of accounts and of the front door share: the services that they are about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.accounts import Env, administrator, serving


@pytest.fixture(scope="package")
def running(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """Accounts, login page, door and Spark's master."""
    with serving(tmp_path_factory.mktemp("accounts") / "hosts.json") as env:
        yield env


@pytest.fixture(scope="module")
def admin(running: Env) -> str:
    """The access token of the first account."""
    return administrator()
