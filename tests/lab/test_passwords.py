"""Passwords and tokens as people choose them: from env.sh to the login, unharmed and unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.jupyter import SECONDS, bearer, log_in, may_enter
from tests.support.lab import GATEWAY, on, restore, secret, skp

MARK = "hunter"  # in all of them: what is looked for where it must not be, however it is escaped
# Each pair: JupyterLab's password, and the gateway's token, which an HTTP header carries.
CHOSEN = {
    "quotes": ("it's \"hunter\" '\"'\"' \\' \\\"", 'it\'s "a hunter" \\\' \\"'),
    "shell": (
        "$HOME ${x} $(id) `id` hunter ! * ? ~ # & ; | < > %s % {} \\",
        "$hunter `id` \\ %41 # & ; =",
    ),
    "Korean": ("비밀 번호 🔑 hunter 사냥꾼", "-hunter --help"),
    "long": (
        "--password=hunter" + "Aa0 '\"$`\\%#&;한🔑" * 13 + ".",
        "hunter" + "t0'\"$`\\%#&; " * 18 + ".",
    ),
}


@pytest.fixture(scope="module")
def changing(platform: None) -> Iterator[None]:
    """For tests that change the passwords one after the other; at the end the old ones are back."""
    yield
    restore()


def gateway_accepts(token: str) -> bool:
    answer = requests.get(f"{GATEWAY}/api/kernelspecs", headers=bearer(token), timeout=SECONDS)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


@pytest.mark.parametrize("name", CHOSEN)
def test_what_is_chosen_opens_it_and_is_not_shown(
    changing: None, settings: Callable[..., dict[str, str]], name: str
) -> None:
    password, token = CHOSEN[name]
    chosen = settings(JUPYTER_PASSWORD=password, JUPYTER_GATEWAY_TOKEN=token)
    applied = skp("docker.apply", "jupyter", env=chosen)
    assert applied.code == 0, applied.all
    assert may_enter(log_in(password))
    assert not may_enter(log_in(password + "x"))
    assert not may_enter(log_in(secret("JUPYTER_PASSWORD")))
    assert gateway_accepts(token)
    assert not gateway_accepts(token + "x")
    shown = on("c01", "docker inspect jupyter-skp; ps axww; docker logs jupyter-skp 2>&1").out
    assert "jupyter-skp" in shown
    assert MARK not in shown + applied.all


def test_the_long_ones_are_200_characters() -> None:
    assert all(len(text) >= 200 for text in CHOSEN["long"])
    assert all(MARK in text for pair in CHOSEN.values() for text in pair)
