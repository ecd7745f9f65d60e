"""What a person sees on a terminal while the cluster works, with faults and with Ctrl-C."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support import stand_in
from tests.support.lab import labelled, on, restore, skp
from tests.support.terminal import CTRL_C, typed

PULLING = r"{} +create jupyter.* pulling \d+ of \d+ MB.* \d:\d\d"
RUNNING = re.compile(r"^  c\d.* \d:\d\d$", re.MULTILINE)
MEGABYTES = 200  # takes a node a few seconds to pull


@pytest.fixture(scope="module")
def wide(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """JupyterLab is wanted on all nodes, in an image that no node but c01 has."""
    env = labelled(tmp_path_factory.mktemp("wide") / "hosts.json", "jupyter", nodes=("c02", "c03"))
    stand_in.build("large", MEGABYTES)
    assert skp("docker.apply", "-q", "registry,jupyter", "--nodes", "c01", env=env).code == 0
    yield env
    stand_in.build()
    restore()


def test_ctrl_c_in_the_middle_of_a_pull_ends_all_lines_whole_and_gives_the_lock_back(
    wide: dict[str, str],
) -> None:
    with typed(80, "docker.apply", "jupyter", env=wide) as it:
        it.window.wait(PULLING.format("c02"))
        it.window.type(CTRL_C)
        assert it.ended() == 130, it.text
    assert not RUNNING.search(it.text)
    for node in ("c02", "c03"):
        # (What the end of its connection ended meanwhile has failed.)
        ended = rf"(?m)^  [-!] {node}: create jupyter-skp\S*: (broken off|create failed), "
        assert re.search(ended, it.text), it.text
    assert it.text.endswith("skp: interrupted; the same command again goes on")
    lock = "docker config inspect $(docker config ls -q --filter name=skp-lock)"
    assert "holder" not in on("c01", lock).out
    assert all(len(line) <= 80 for line in it.text.splitlines())


def test_a_pull_goes_on_while_another_node_goes_off(
    wide: dict[str, str], powered: Callable[[str], None]
) -> None:
    with typed(160, "docker.apply", "jupyter", env=wide) as it:
        it.window.wait(PULLING.format("c03"))
        powered("c03")
        assert it.ended() == 1, it.text
    assert not RUNNING.search(it.text)
    assert re.search(r"^  \+ c02: create jupyter-skp\S*, \d+\.\d s$", it.text, re.MULTILINE), (
        it.text
    )
    assert re.search(r"(?m)^  ! c03: create jupyter-skp\S*: ", it.text), it.text
    assert re.search(r"1 done, 1 failed\.", it.text)
    assert {"31", "32"} <= it.window.screen.colours


@pytest.mark.parametrize("width", [80, 160])
def test_a_container_that_is_killed_stands_out_in_the_next_look(changed: None, width: int) -> None:
    with typed(width, "docker.status", "registry", "--watch", "--interval", "0.5") as it:
        it.window.wait("c02 +.*registry-skp +running +healthy")
        assert on("c02", "docker kill registry-skp").code == 0
        it.window.wait(r"c02 +.*registry-skp \* +running +exited")
        it.window.type(CTRL_C)
        assert it.ended() == 130, it.text
    assert re.search(r"c02 registry-skp: healthy -> exited", it.text)


@pytest.mark.parametrize("width", [80, 160])
def test_what_each_container_uses_is_ranked(platform: None, width: int) -> None:
    with typed(width, "docker.top", "--sort", "memory") as it:
        it.window.wait("c03 +registry-skp +")
        it.window.type(CTRL_C)
        it.ended()
    for node in ("c01", "c02", "c03"):
        assert re.search(rf"{node} +registry-skp +.*\d", it.text), it.text
