"""Portainer where its image can't be had; tests/unit has its arguments and its API's stand-in."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.lab import container_ids, skp


def test_as_shipped_it_is_switched_off_and_says_how_to_have_it(platform: None) -> None:
    ran = skp("docker.portainer-run")
    assert ran.code == 2
    assert "PORTAINER_IMAGE names no image" in ran.err


def test_where_the_image_can_not_be_had_nothing_is_made(
    changed: None, settings: Callable[..., dict[str, str]]
) -> None:
    before = container_ids()
    named = settings(PORTAINER_IMAGE="registry.invalid/portainer", PORTAINER_AGENT="FALSE")
    ran = skp("docker.portainer-run", env=named)
    assert ran.code == 1
    assert "pulling registry.invalid/portainer:2.23.0-alpine" in ran.all
    assert container_ids() == before
