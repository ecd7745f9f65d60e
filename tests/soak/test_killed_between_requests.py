"""The process dies after each single request that changes something, not only after each step."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tests.support.dying import MOST, dying, nothing_half_made_is_left
from tests.support.lab import skp

Settings = Callable[..., dict[str, str]]


def test_killed_after_each_request_of_a_replacement(changed: None, settings: Settings) -> None:
    for number in itertools.count(1):
        assert number < MOST
        environment = settings(JUPYTER_MEMORY=f"{number + 900}m")
        if dying("requests", number, "docker.apply", env=environment).code == 0:
            break
        healed = skp("docker.apply", env=environment)
        assert healed.code == 0, healed.all
        nothing_half_made_is_left()
    assert number > 8, "lock, audit, create, stop, remove, files, rename, start"
