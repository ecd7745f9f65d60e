"""What holds on the engine of Debian's stable suite holds on the newest that Debian has."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.support.lab import MINUTES, NODES, on, run, skp

# What an engine could do otherwise: each file is a part of the lab's own tests.
FILES = (
    "apply", "command_line", "drain", "engine_channel", "host_check", "images", "intent", "leave",
    "lock", "logs", "registry", "restart", "scan", "secrets_kept", "swarm",
)  # fmt: skip


@pytest.fixture(scope="module")
def newest() -> Iterator[str]:
    """A lab whose nodes have it; what it calls itself. Later tests get another lab."""
    made = skp("-q", "lab.up", "-n", "3", "--publish", "--engine", "newest")
    assert made.code == 0, made.all
    versions = {on(node, "docker version -f '{{.Server.Version}}'").out for node in NODES}
    assert len(versions) == 1
    yield versions.pop()
    assert skp("-q", "lab.down").code == 0


def test_it_is_newer_than_that_of_the_stable_suite(newest: str) -> None:
    assert int(newest.partition(".")[0]) >= 28


def test_a_lab_keeps_the_engine_that_it_has(newest: str) -> None:
    again = skp("lab.up", "-n", "3")
    assert "already up" in again.all
    assert on("c01", "docker version -f '{{.Server.Version}}'").out == newest


@pytest.mark.parametrize("name", FILES)
def test_the_labs_own_tests_pass_on_it(newest: str, name: str) -> None:
    words = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"tests/lab/test_{name}.py",
    )
    ran = run(*words, seconds=40 * MINUTES)
    assert ran.code == 0, ran.all
