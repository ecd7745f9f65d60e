"""All tests share the fixtures of the practice cluster; only those that ask for one need it."""

from __future__ import annotations

import os

from lab import own

pytest_plugins = ["tests.support.phases", "tests.support.fixtures"]

# Where pytest is typed as it is: what bin/test does.
own.use(os.environ)
