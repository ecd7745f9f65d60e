"""README's first command."""

from __future__ import annotations

import re

from tests.support.lab import Ran, secret


def test_it_ends_with_the_url_the_password_and_three_commands(demo: tuple[Ran, Ran]) -> None:
    first, _ = demo
    assert first.code == 0, first.all
    ending = first.out[first.out.rindex("JupyterLab:") :]
    assert "http://127.0.0.1:8010/jupyter-skp" in ending
    assert "etc/secrets.env" in ending
    assert len(re.findall(r"^  \./skp\.py ", ending, re.MULTILINE)) == 3


def test_it_shows_no_password(demo: tuple[Ran, Ran]) -> None:
    for ran in demo:
        for key in ("JUPYTER_PASSWORD", "JUPYTER_GATEWAY_TOKEN", "REGISTRY_HTTP_SECRET"):
            assert secret(key) not in ran.all


def test_the_second_time_changes_nothing(demo: tuple[Ran, Ran]) -> None:
    _, second = demo
    assert second.code == 0, second.all
    assert "already up" in second.all
    commands = re.split(r"^\$ \./skp\.py ", second.out, flags=re.MULTILINE)[1:]
    converging = [text for text in commands if text.startswith("docker.")]
    assert len(converging) == 8
    for text in converging:
        assert "Nothing to change" in text, text
