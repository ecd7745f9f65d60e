"""What cron would mail of the real thing, without waiting for its minutes (tests/soak has cron)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import ROOT, container_ids, on, skp


@pytest.fixture
def no_log() -> Iterator[None]:
    shutil.rmtree(ROOT / "log", ignore_errors=True)
    yield
    shutil.rmtree(ROOT / "log", ignore_errors=True)


def test_a_tick_mends_what_went_and_is_quiet_otherwise(changed: None, no_log: None) -> None:
    on("c02", "docker rm -f registry-skp")
    mended = skp("cron.tick", "-c", "docker.apply")
    assert mended.code == 0, mended.all
    assert "registry-skp  create" in mended.out
    assert "registry-skp" in container_ids(("c02",))["c02"]
    quiet = skp("cron.tick", "-c", "docker.apply")
    assert (quiet.code, quiet.all) == (0, "")


def test_a_node_that_stays_away_is_told_of_once(
    changed: None, no_log: None, unreachable: Callable[[str], dict[str, str]]
) -> None:
    away = unreachable("c03")
    first, second = (skp("cron.tick", "-c", "docker.apply", env=away) for _ in range(2))
    assert first.code == second.code == 1
    assert "c03: " in first.out
    assert second.all == ""
    back = skp("cron.tick", "-c", "docker.apply")
    assert back.out == "docker.apply: all is right again\n"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("-c", "docker.aply"), "is no command that cron can run"),
        (("-c", "lab.down"), "is no command that cron can run"),
        (("-c", "docker.apply --what"), "the command 'docker.apply --what'"),
        (("-c", "docker.apply 'x"), "No closing quotation"),
        (("-c", "docker.apply\n"), "more than one line"),
        ((), "a command (-c) is needed"),
    ],
)
def test_a_command_that_is_none_is_refused(words: tuple[str, ...], what: str) -> None:
    ran = skp("cron.install", "-s", "@hourly", *words)
    assert ran.code == 2
    assert what in ran.err
