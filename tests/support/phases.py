"""A plugin of pytest: which tests need the same lab, and how long each part of a run took.

With several processes (`-n 3 --dist loadgroup`) all tests of a group are run by one of them, one
after another in their order: the tests of the practice cluster, and those that make labs of their
own. Unit tests go to whoever has time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
OWN_LAB = {"test_lab_lifecycle.py"}
# The demo a second time, before anything else than the demo was done.
FIRST = {"test_demo.py"}
_LONG = 5  # seconds: a shared fixture that took longer is told
_FIXTURE = "seconds of fixture "


def part(path: Path) -> str:
    """Return what part of the tests a module belongs to: unit, lab, own lab, soak."""
    if path.name in OWN_LAB:
        return "own lab"
    return path.relative_to(TESTS).parts[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what works on the same lab, in the order that its states need."""
    items.sort(key=lambda item: item.path.name not in FIRST)
    for item in items:
        if (name := part(item.path)) != "unit":
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Note how long a fixture took that several tests share."""
    began = time.monotonic()
    result = yield
    took = time.monotonic() - began
    if fixturedef.scope != "function" and took > _LONG:
        request.node.session.stash.setdefault(_NOTED, []).append((fixturedef.argname, took))
    return result


_NOTED = pytest.StashKey[list[tuple[str, float]]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send what was noted along with the report: another process may be the one that tells."""
    report = yield
    for name, took in item.session.stash.get(_NOTED, []):
        report.user_properties.append((f"{_FIXTURE}{name}", took))
    item.session.stash[_NOTED] = []
    return report


class Told:
    """Adds up the reports of a run, in the process that tells of it."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self.files: dict[str, float] = defaultdict(float)
        self.fixtures: list[tuple[float, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = Path(report.nodeid.partition("::")[0])
        self.parts[part(TESTS.parent / path)] += report.duration
        self.files[str(path)] += report.duration
        for name, value in report.user_properties:
            if name.startswith(_FIXTURE):
                self.fixtures.append((float(str(value)), name.removeprefix(_FIXTURE)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if sum(self.parts.values()) < _LONG:
            return
        terminalreporter.section("seconds by part, file and shared fixture")
        for name, seconds in sorted(self.parts.items()):
            terminalreporter.write_line(f"{seconds:7.0f}  {name}")
        longest = sorted(((seconds, name) for name, seconds in self.files.items()), reverse=True)
        for seconds, name in [*longest[:12], *sorted(self.fixtures, reverse=True)[:12]]:
            terminalreporter.write_line(f"{seconds:7.0f}  {name}")


def pytest_configure(config: pytest.Config) -> None:
    """Have the process that the user sees tell of the run."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Told())
