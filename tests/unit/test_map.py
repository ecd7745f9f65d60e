"""The map of a cluster: what it says, how it looks in a browser, and that it asks for nothing."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.map_page import page
from cli.map_picture import picture
from cluster.commands.chart import Box, Chart, Mood, Place
from tests.support.charts import STATES, every_state, large
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done
from tests.support.sheet import Sheet, needs_browser, sheet

AT = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
EVIL = '<script src="http://evil.example/x.js"></script>"><img src=http://evil.example/\x1b[2J>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Sheet]:
    with sheet() as opened:
        yield opened


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster(tmp_path, monkeypatch)
    made.begin()
    for machine in made.machines.values():
        machine.connection.on_run("df -kP", done(0, "Filesystem\n/dev/vda 1000000 1 500000 1% /"))
    return made


def test_every_state_has_a_sign_and_a_word() -> None:
    text = page(every_state(), "SKP", AT)
    for mood in Mood:
        assert f"</span> {STATES[mood]}</span>" in text
    assert "can&#x27;t be reached" in text
    assert text.count("+ replace") == 1
    assert 'href="http://10.1.0.1:8010/"' in text
    assert "53/udp" in text


def test_what_nodes_say_is_no_markup() -> None:
    box = Box("c01", EVIL, EVIL, Mood.BAD, EVIL, EVIL, "x", "x", (f"80/tcp{EVIL}", "8/tcp"), EVIL)
    place = Place(EVIL, EVIL, EVIL, Mood.BAD, EVIL, EVIL, EVIL, labels=(EVIL,), boxes=(box,))
    chart = Chart((place,), ((EVIL, EVIL, EVIL),), ((EVIL, (EVIL,)),), ((EVIL, EVIL, EVIL),))
    for made in (page(chart, EVIL, AT), picture(chart, EVIL)):
        assert "<script" not in made
        assert "<img" not in made
        assert "\x1b" not in made
    ET.fromstring(picture(chart, EVIL))  # noqa: S314 - our own


def test_the_picture_has_every_node_apart_from_the_others() -> None:
    root = ET.fromstring(picture(large(200), "SKP"))  # noqa: S314 - our own
    cards = [r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("rx")]
    places = {(int(c.get("x", "")), int(c.get("y", ""))) for c in cards}
    assert len(places) == len(cards) == 200
    assert max(x for x, _ in places) + 270 <= 1200
    assert picture(large(200), "SKP") == picture(large(200), "SKP")


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["states", "many", "large"])
def test_it_reads_well_in_a_browser_and_asks_for_nothing(
    browser: Sheet, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    chart = {"states": every_state(), "many": large(30), "large": large(200)}[name]
    file = tmp_path / "map.html"
    file.write_text(page(chart, "SKP: net-skp", AT))
    browser.requests()
    browser.open(file, width, scheme)
    assert browser.requests() == [file.as_uri()]
    assert not browser.is_wider_than_the_window()
    browser.picture(f"map-{name}-{width}-{scheme}")
    if name != "large":  # for which axe takes minutes, and which is made of the same parts
        assert browser.faults() == []


@needs_browser
def test_a_request_that_a_page_makes_would_be_seen(browser: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    file.write_text('<img alt="" src="http://127.0.0.1:9/x.png">')
    browser.requests()
    browser.open(file, 1280, "light")
    assert "http://127.0.0.1:9/x.png" in browser.requests()
    assert browser.faults()


def test_the_command_draws_what_runs_and_what_the_plan_would_change(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply", "-q") == 0
    cluster["c02"].containers.pop("jupyter-skp-c02")
    cluster.down.add("c03")
    file = cluster.folder / "map.html"
    capsys.readouterr()
    assert cluster.run("docker.map", "-o", str(file), "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"file": str(file), "changes": 1}
    text = file.read_text()
    assert re.search(r"jupyter-skp-c02</strong> <span class=\"plan\">\+ create", text)
    assert 'class="node unknown" aria-label="Node c03"' in text
    assert "net-skp" in text
    assert oct(file.stat().st_mode)[-3:] == "600"


def test_a_still_picture_goes_to_standard_output(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.map", "--svg", "-o", "-") == 0
    ET.fromstring(capsys.readouterr().out)  # noqa: S314 - our own


def test_a_folder_that_is_not_there_is_told_before_a_node_is_asked(cluster: FakeCluster) -> None:
    assert cluster.run("docker.map", "-o", "/nowhere/map.html") == 2
    assert cluster.wire == []
