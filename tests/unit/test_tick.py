"""What a job of cron prints, and so what is mailed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cron.tick import tick

Tick = Callable[[str, int], str]


@pytest.fixture
def after(tmp_path: Path) -> Tick:
    """Return what a tick prints when its command says something and ends with a code."""
    program = tmp_path / "program.py"

    def run(said: str, code: int) -> str:
        program.write_text(f"import sys; sys.stdout.write({said!r}); sys.exit({code})")
        ended, news = tick(program, ["docker.apply"], tmp_path / "log")
        assert ended == code
        return news

    return run


def test_nothing_is_said_of_nothing(after: Tick) -> None:
    assert after("", 0) == ""


def test_a_change_is_told_each_time(after: Tick) -> None:
    assert [after("+ c02 create\n", 0) for _ in range(2)] == ["+ c02 create\n"] * 2


def test_the_same_trouble_is_told_once_and_its_end_too(after: Tick) -> None:
    assert after("! c03: off, 0.3 s\n", 1) == "! c03: off, 0.3 s\n"
    assert after("! c03: off, 12 s\n", 1) == ""
    assert after("! c02: off\n! c03: off\n", 1) == "! c02: off\n! c03: off\n"
    assert after("", 0) == "docker.apply: all is right again\n"
    assert after("", 0) == ""


def test_warnings_that_stay_the_same_are_told_once(after: Tick) -> None:
    warning, other = "skp: warning: another image\n", "skp: warning: a clock\n"
    assert after(warning, 0) == warning
    assert after(warning, 0) == ""
    assert after(f"{warning}+ c02 create\n", 0) == "+ c02 create\n"
    assert after(f"{warning}{other}", 0) == f"{warning}{other}"
    assert after("", 0) == ""
    assert after(warning, 0) == warning


def test_in_which_way_a_node_is_unreachable_is_no_news(after: Tick) -> None:
    assert after("! c03: skp@c03:22 does not answer within 10 s\n", 1)
    assert after("! c03: skp@c03:22 can't be reached: No route to host\n", 1) == ""
    assert after("! c02: skp@c02:22 can't be reached: No route to host\n", 1)


def test_another_commands_lock_is_no_news(after: Tick) -> None:
    assert after("! c03: off\n", 1)
    assert after("somebody else is at work\n", 75) == ""
    assert after("! c03: off\n", 1) == ""


def test_trouble_without_a_word_is_told_too(after: Tick) -> None:
    assert after("", 3) == "docker.apply: exit code 3\n"


def test_all_of_it_is_in_the_log(after: Tick, tmp_path: Path) -> None:
    after("one\n", 1)
    after("one\n", 1)
    text = (tmp_path / "log" / "cron.log").read_text()
    assert text.count("docker.apply: exit code 1\none\n") == 2
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700


def test_the_log_does_not_grow_for_ever(after: Tick, tmp_path: Path) -> None:
    for _ in range(3):
        after("x" * 700_000, 0)
    assert {path.name for path in (tmp_path / "log").glob("*.log*")} == {
        "cron.log", "cron.log.1", "cron.log.2",
    }  # fmt: skip
