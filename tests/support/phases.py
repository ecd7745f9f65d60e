"""A plugin of pytest: which tests need the same lab, and how long each part of a run took.

With several processes (`--dist loadscope`) all tests of a lab are run by one of them, one after
another in their order: those of the practice cluster, and those that make labs of their own. Where
`bin/test` has a process on a machine apart (`tests/support/apart`), that one runs the tests of
`APART` on a practice cluster of its own, in which a small image stands in Jupyter's place: they are
about nodes, not about what runs there.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

TESTS = Path(__file__).resolve().parent.parent
OWN_LAB = {"test_lab_lifecycle.py"}
APART = {
    f"test_{name}.py"
    for name in (
        *("adding_a_service", "apply", "cron_tick", "deployments", "drain", "engine_channel"),
        *("faults_power", "faults_ssh", "guard"),
        *("host_check", "image_mirror", "images", "intent", "killed", "leave", "lock", "logs"),
        "portainer",
        *(
            "odd_machines",
            "registry",
            "restart",
            "shared_folder_missing",
            "ssh_config",
            "swarm",
            "terminal",
            "two_trees",
            "wrong_files",
        ),
    )
}
# The demo a second time, before anything else than the demo was done; and last, what builds images
# of its own. (Once the API's image is there the door has another page, so another container.)
ORDER = {
    "test_demo.py": -1,
    "test_spark.py": 1, "test_airflow.py": 2, "test_accounts.py": 3,
    "test_gateway.py": 3, "test_deploying.py": 3, "test_ssh_logins.py": 3, "test_pushing.py": 3,
    "test_names.py": 3, "test_program_tokens.py": 3, "test_api.py": 3.5, "test_facade.py": 3.5,
    "test_kafka.py": 4,
    "test_volumes.py": 5,
}  # fmt: skip
IS_APART, IS_BESIDE = (os.environ.get("SKP_TEST_APART") == word for word in ("inside", "beside"))
_LONG = 5  # seconds: a shared fixture that took longer is told
_FIXTURE = "seconds of fixture "
_APART = "lab apart"


def part(path: Path) -> str:
    """Return what part of the tests a module belongs to: unit, lab, lab apart, own lab, soak."""
    if path.name in OWN_LAB:
        return "own lab"
    name = path.relative_to(TESTS).parts[0]
    return _APART if name == "lab" and path.name in APART and (IS_APART or IS_BESIDE) else name


def modules(session: pytest.Session) -> set[str]:
    """Return the names of the lab's modules that were chosen for this run."""
    return {item.path.name for item in session.items if part(item.path).startswith("lab")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what works on the same lab, in the order that its states need."""
    items.sort(key=lambda item: ORDER.get(item.path.name, 0))


class _Groups(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Has one process run all tests of a lab; the one that is apart runs those, and no others."""

    def _split_scope(self, nodeid: str) -> str:
        name = part(TESTS.parent / nodeid.partition("::")[0])
        return nodeid if name == "unit" else name

    def _assign_work_unit(self, node: Any) -> None:
        is_apart = bool(node.gateway.spec.python)
        fits = [scope for scope in self.workqueue if not IS_BESIDE or (scope == _APART) == is_apart]
        if fits:
            self.workqueue.move_to_end(fits[0], last=False)
            super()._assign_work_unit(node)
        else:
            node.shutdown()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute by labs with `--dist loadscope`."""
    return _Groups(config, log) if config.option.dist == "loadscope" else None


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
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = Path(report.nodeid.partition("::")[0])
        self.parts[part(TESTS.parent / path)] += report.duration
        self.files[str(path)] += report.duration
        if report.failed:
            self.failed.append(f"{report.nodeid} ({report.when}): {_last_words(report)}")
        for name, value in report.user_properties:
            if name.startswith(_FIXTURE):
                self.fixtures.append((float(str(value)), name.removeprefix(_FIXTURE)))

    def pytest_sessionfinish(self) -> None:
        """Leave what failed for who began the tests, who shows it at the end of all output."""
        if (path := os.environ.get("SKP_TEST_FAILED")) and self.failed:
            with Path(path).open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self.failed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if sum(self.parts.values()) < _LONG:
            return
        terminalreporter.section("seconds by part, file and shared fixture")
        for name, seconds in sorted(self.parts.items()):
            terminalreporter.write_line(f"{seconds:7.0f}  {name}")
        longest = sorted(((seconds, name) for name, seconds in self.files.items()), reverse=True)
        for seconds, name in [*longest[:12], *sorted(self.fixtures, reverse=True)[:12]]:
            terminalreporter.write_line(f"{seconds:7.0f}  {name}")


def _last_words(report: pytest.TestReport) -> str:
    """Return the end of what a failed test says, in at most four lines."""
    said = [line for line in report.longreprtext.splitlines() if line.startswith("E  ")]
    return "".join(f"\n    {line[:300]}" for line in said[:4])


def pytest_configure(config: pytest.Config) -> None:
    """Have the process that the user sees tell of the run."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Told())
