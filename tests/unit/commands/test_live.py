"""A command on a terminal: what runs, what ended, how it reads at any width and without colours."""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.connectors.engine import Engine
from tests.support.beside import run_live
from tests.support.fake_cluster import HOSTS, FakeCluster
from tests.support.fakes import refusal
from tests.support.screen import Window, window

JUPYTER = {name: {**told, "labels": [{"jupyter": "enable"}]} for name, told in HOSTS.items()}
WIDTHS = pytest.mark.parametrize("width", [80, 160])
NAMES = ("c01", "c02", "c03")
PULLED = "GET /images/*@sha256:*/json"  # asked about what comes from a registry
EVIL = "\x1b[2J\x1b]0;title\x07"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster(tmp_path, monkeypatch, JUPYTER)
    made.begin()
    return made


class Pulls:
    """Pulls that go on only when they are let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        whole = Engine.pull_events

        def events(engine: Engine, repository: str, tag: str) -> Iterator[Mapping[str, Any]]:
            detail = {"current": 412_000_000, "total": 2_100_000_000}
            yield {"status": "Downloading", "id": "ab12", "progressDetail": detail}
            assert self.go_on.wait(60), "nobody let it go on"
            yield from whole(engine, repository, tag)

        monkeypatch.setattr(Engine, "pull_events", events)


def running(text: str) -> list[str]:
    """Return the lines of what runs."""
    return [line for line in text.splitlines() if re.search(r"^  c\d.* \d:\d\d$", line)]


@WIDTHS
def test_a_slow_pull_is_seen_on_every_node_while_another_node_fails(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    pulls = Pulls(monkeypatch)
    seen: list[str] = []
    cluster["c02"].connection.on(PULLED, refusal(500, "disk full"))

    def look(shown: Window) -> None:
        seen.append(shown.until(lambda text: text.count("412 of 2100 MB") == 2))
        pulls.go_on.set()

    code, shown, text = run_live(cluster, monkeypatch, look, "docker.apply", width=width)
    assert code == 1
    now = running(seen[0])
    assert [line.split()[0] for line in now] == ["c01", "c03"]
    assert all("create jupyter" in line and "pulling 412 of 2100 MB" in line for line in now)
    assert all("\N{BOX DRAWINGS HEAVY HORIZONTAL}" in line for line in now)  # the bar
    assert all(len(line) <= width for line in seen[0].splitlines()[-len(now) :])
    assert re.search(r"! c02: create jupyter-skp-c02: create failed, \d+\.\d s", text)
    assert not running(text)
    assert "disk full" in text
    assert re.search(r"^\d+ unchanged, \d+ done, 1 failed\.$", text, re.MULTILINE)
    assert {"32", "31"} <= shown.screen.colours


def test_without_colours_all_is_the_same(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with window(monkeypatch, 80) as shown:
        monkeypatch.setenv("NO_COLOR", "1")
        assert cluster.run("docker.apply") == 0
        text = shown.close()
    assert "+ c01: create registry-skp" in text
    assert not shown.screen.colours & {str(number) for number in range(30, 50)}


def test_what_goes_to_a_file_has_every_event(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply") == 0
    told = capsys.readouterr()
    for name in NAMES:
        assert re.search(rf"^  {name}: create jupyter-skp\S*$", told.err, re.MULTILINE)
        ended = rf"^  \+ {name}: create jupyter-skp\S*, \d+\.\d s$"
        assert re.search(ended, told.err, re.MULTILINE)
    assert "\x1b" not in told.err + told.out
    assert re.search(r"^\+ +c01 +registry-skp +create +\d", told.out, re.MULTILINE)


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_whoever_wants_no_progress_gets_nothing_live(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    with window(monkeypatch, 80) as shown:
        assert cluster.run("docker.apply", option) == 0
        text = shown.close()
    assert not re.search("\x1b\\[\\d*A", b"".join(shown.screen.written).decode())
    assert ("+ c01: create" in text) is (option == "--json")


def test_ctrl_c_ends_all_lines_whole_and_gives_the_lock_back(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulls = Pulls(monkeypatch)

    def look(shown: Window) -> None:
        shown.until(lambda text: text.count("412 of 2100 MB") == 3)
        assert cluster.configs.objects
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        shown.wait("interrupted")
        pulls.go_on.set()

    code, _, text = run_live(cluster, monkeypatch, look, "docker.apply")
    assert code == 130
    assert not running(text)
    for name in NAMES:
        assert re.search(
            rf"^  - {name}: create jupyter-skp\S*: broken off, 0:\d\d$", text, re.MULTILINE
        )
    assert text.endswith("skp: interrupted; the same command again goes on")
    assert [o for o in cluster.configs.objects.values() if "holder" in str(o)] == []


def test_lines_that_are_more_than_the_terminal_has_are_counted(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulls = Pulls(monkeypatch)

    def look(shown: Window) -> None:
        shown.wait("and 2 more")
        pulls.go_on.set()

    code, _, text = run_live(cluster, monkeypatch, look, "docker.apply", height=4)
    assert code == 0
    assert not re.search(r"and \d+ more", text)


def test_no_name_commands_the_terminal(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a node answers is shown while others run; the screen refuses any other command."""
    cluster["c02"].connection.on(PULLED, refusal(500, EVIL))
    code, _, text = run_live(cluster, monkeypatch, lambda _: None, "docker.apply")
    assert code == 1
    assert "\N{REPLACEMENT CHARACTER}" in text


def test_nothing_is_loaded_for_a_terminal_where_nothing_is_to_be_done(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.run("docker.apply", "-q") == 0
    monkeypatch.setitem(sys.modules, "cli.live", None)  # importing it would fail
    with window(monkeypatch, 80) as shown:
        assert cluster.run("docker.apply") == 0
        assert "Nothing to change" in shown.close()
