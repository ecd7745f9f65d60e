"""README's first command."""

from __future__ import annotations

import re

import pytest

from tests.support.lab import MINUTES, SHIPPED, Ran, run, secret


@pytest.fixture(scope="module")
def again(demo: Ran) -> Ran:
    """What it says where all is there already."""
    return run("bin/demo", seconds=10 * MINUTES, env=SHIPPED)


def test_it_ends_with_the_url_the_password_and_three_commands(demo: Ran) -> None:
    assert demo.code == 0, demo.all
    ending = demo.out[demo.out.rindex("JupyterLab:") :]
    assert "http://127.0.0.1:8010/jupyter-skp" in ending
    assert "etc/secrets.env" in ending
    assert len(re.findall(r"^  \./skp\.py ", ending, re.MULTILINE)) == 3


def test_it_shows_no_password(demo: Ran, again: Ran) -> None:
    for ran in (demo, again):
        for key in ("JUPYTER_PASSWORD", "JUPYTER_GATEWAY_TOKEN", "REGISTRY_HTTP_SECRET"):
            assert secret(key) not in ran.all


def test_the_second_time_changes_nothing(again: Ran) -> None:
    assert again.code == 0, again.all
    assert "already up" in again.all
    commands = re.split(r"^\$ \./skp\.py ", again.out, flags=re.MULTILINE)[1:]
    converging = [text for text in commands if text.startswith("docker.")]
    assert len(converging) == 8
    for text in converging:
        assert "Nothing to change" in text, text
