"""The two ways to a node's engine: its forwarded socket, or else `docker system dial-stdio`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import current_thread

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_EOF

from cluster.connectors.forwarding import ForwardingTransport
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import ask
from tests.support.data_volumes import until
from tests.support.lab import ROOT, by_ssh, on, skp

_CONFIG = "/etc/ssh/sshd_config.d/no-forwarding.conf"
_RELOAD = "sudo pkill -HUP -o -x sshd"


@pytest.fixture
def not_forwarding(platform: None) -> Iterator[None]:
    on("c02", f"echo AllowStreamLocalForwarding no | sudo tee {_CONFIG} && {_RELOAD}")
    until(lambda: by_ssh("c02", "true").code == 0, 20)
    yield
    on("c02", f"sudo rm {_CONFIG} && {_RELOAD}")
    until(lambda: by_ssh("c02", "true").code == 0, 20)


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


def test_an_end_of_input_that_comes_too_late_ends_nothing_else(
    platform: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ForwardingTransport._send_user_message

    def late(transport: ForwardingTransport, message: paramiko.Message) -> None:
        """Send it as a thread does that lost its turn; what receives is never held up."""
        if message.asbytes()[:1] == cMSG_CHANNEL_EOF and current_thread() is not transport:
            time.sleep(0.1)  # by now the program has ended
        send(transport, message)

    monkeypatch.setattr(ForwardingTransport, "_send_user_message", late)
    target = ask("c02", "10.99.0.12", "skp", None, ROOT / ".lab" / "ssh_config")
    connection = SshConnection(target, deadline=10)
    try:
        for _ in range(5):
            assert connection.run("true", deadline=10).exit_code == 0
            time.sleep(0.15)
    finally:
        connection.close()
