"""The map of five real nodes, one of them off and a plan pending; a build on a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.map_page import page
from tests.support import stand_in
from tests.support.charts import large
from tests.support.lab import ROOT, host_docker, run, skp
from tests.support.sheet import Sheet, needs_browser, sheet
from tests.support.terminal import typed

AT = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
Env = dict[str, str]
VIEWS = [(1280, "light"), (390, "dark")]
_MINUTES_OF_AXE = 10


@pytest.fixture(scope="module")
def browser() -> Iterator[Sheet]:
    with sheet() as made:
        made.driver.set_script_timeout(60 * _MINUTES_OF_AXE)
        yield made


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """A Swarm of five nodes with registries, and JupyterLab on two of them."""
    assert run("bin/setup").code == 0
    for words in (("lab.down",), ("lab.up", "-n", "5")):
        assert skp("-q", *words).code == 0
    path = tmp_path_factory.mktemp("five") / "hosts.json"
    hosts = json.loads((ROOT / ".lab" / "hosts.json").read_text())
    for number, entry in enumerate(hosts.values()):
        entry["labels"] = [{"registry": "enable"}, *([{"jupyter": "enable"}] if number < 2 else [])]
    path.write_text(json.dumps(hosts))
    env = {"SKP_HOSTS": str(path)}
    go(env, "docker.swarm-init")
    go(env, "docker.apply", "registry")
    stand_in.build()
    go(env, "docker.apply")
    yield env
    skp("-q", "lab.down")


def go(env: Env, *words: str) -> None:
    done = skp(*words, env=env)
    assert done.code == 0, done.all


def shown(browser: Sheet, file: Path, name: str) -> str:
    """Look at a map, wide and on a phone; return its text."""
    for width, scheme in VIEWS:
        browser.requests()
        browser.open(file, width, scheme)
        assert browser.requests() == [file.as_uri()]
        assert not browser.is_wider_than_the_window()
        assert browser.faults() == []
        browser.picture(f"map-{name}-{width}-{scheme}")
    return file.read_text()


@needs_browser
def test_the_map_of_five_nodes(five: Env, browser: Sheet, tmp_path: Path) -> None:
    drawn = skp("docker.map", "-o", str(tmp_path / "map.html"), env=five)
    assert drawn.code == 0, drawn.all
    text = shown(browser, tmp_path / "map.html", "five")
    assert len(re.findall(r'class="node good"', text)) == 5
    assert text.count("registry-skp") >= 5


@needs_browser
def test_a_node_that_is_off_and_a_plan_that_waits_are_seen(
    five: Env, browser: Sheet, tmp_path: Path
) -> None:
    hosts = json.loads(Path(five["SKP_HOSTS"]).read_text())
    hosts["c03"]["labels"].append({"jupyter": "enable"})
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(hosts))
    assert host_docker("kill", "c05").code == 0
    try:
        drawn = skp("docker.map", "-o", str(tmp_path / "map.html"), env={"SKP_HOSTS": str(path)})
    finally:
        host_docker("start", "c05")
    assert drawn.code == 1, drawn.all
    text = shown(browser, tmp_path / "map.html", "pending")
    assert 'class="node unknown" aria-label="Node c05"' in text
    assert re.search(r"jupyter-skp-c03</strong> <span class=\"plan\">\+ create", text)


@needs_browser
def test_axe_finds_nothing_serious_in_two_hundred_nodes(browser: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    file.write_text(page(large(200), "SKP: net-skp", AT))
    browser.open(file, 1280, "light")
    assert browser.faults() == []


@pytest.mark.parametrize("width", [80, 160])
def test_a_build_on_a_terminal_ends_with_whole_lines(five: Env, width: int) -> None:
    words = ("docker.image-build-zookeeper", f"-t=face{width}")
    with typed(width, *words, env=five) as it:
        it.window.wait(r"(?m)^  c01 +build .*\d:\d\d$")
        it.process.wait(600)
        assert it.ended() == 0, it.text
    assert not re.search(r"(?m)^  c\d.* \d:\d\d$", it.text), it.text
    assert re.search(r"(?m)^  \+ c01: .*zookeeper.*, \d+\.\d s$", it.text), it.text
    assert all(len(line) <= width for line in it.text.splitlines())
