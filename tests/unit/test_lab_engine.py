"""The lab's engine is one, whichever way it is spoken to."""

from __future__ import annotations

import pytest

from lab.engine import environment


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (None, "unix:///var/run/docker.sock"),
        ("", "unix:///var/run/docker.sock"),
        ("tcp://10.0.0.9:2376", "tcp://10.0.0.9:2376"),
    ],
)
def test_the_client_speaks_to_the_engine_of_the_sdk_whatever_a_context_says(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    if given is not None:
        monkeypatch.setenv("DOCKER_HOST", given)
    assert environment()["DOCKER_HOST"] == used
