"""The two ways to a node's engine: its forwarded socket, or else `docker system dial-stdio`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.conftest import on, skp

_CONFIG = "/etc/ssh/sshd_config.d/no-forwarding.conf"
_RELOAD = "sudo pkill -HUP -o -x sshd"


@pytest.fixture
def not_forwarding(platform: None) -> Iterator[None]:
    on("c02", f"echo AllowStreamLocalForwarding no | sudo tee {_CONFIG} && {_RELOAD}")
    yield
    on("c02", f"sudo rm {_CONFIG} && {_RELOAD}")


@pytest.fixture
def without_client(platform: None) -> Iterator[None]:
    on("c02", "sudo mv /usr/bin/docker /usr/bin/docker.away")
    yield
    on("c02", "sudo mv /usr/bin/docker.away /usr/bin/docker")


def test_a_node_needs_no_docker_client(without_client: None) -> None:
    ran = skp("docker.ps", "--nodes", "c02")
    assert ran.code == 0, ran.all


def test_an_sshd_that_does_not_forward_will_do(not_forwarding: None) -> None:
    ran = skp("docker.ps", "--nodes", "c02")
    assert ran.code == 0, ran.all
