"""All tests share the fixtures of the practice cluster; only those that ask for one need it."""

from __future__ import annotations

pytest_plugins = ["tests.support.phases", "tests.support.fixtures"]
