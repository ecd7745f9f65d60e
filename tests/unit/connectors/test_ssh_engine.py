"""The engine over a real SSH connection: by its forwarded socket, or by a program's pipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from cluster.connectors import engine
from cluster.connectors.node import Node
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target
from cluster.errors import BrokenError
from tests.support.fake_sshd import FakeSshd
from tests.support.fakes import SHORT, fake_host


@pytest.fixture
def node(target: Target) -> Iterator[Node]:
    node = Node(fake_host("c01"), SshConnection(target, 5.0), SHORT)
    yield node
    node.close()


def asked(node: Node, seconds: float = 5) -> object:
    with node.talking("asking", seconds) as client:
        return client.info()["Asked"]


def test_the_engines_socket_is_forwarded(node: Node, sshd: FakeSshd) -> None:
    assert asked(node) == "GET /v1.44/info"
    assert (sshd.paths, sshd.commands) == (["/var/run/docker.sock"], [])


def test_requests_one_after_another_share_a_channel(node: Node, sshd: FakeSshd) -> None:
    for _ in range(3):
        asked(node)
    assert len(sshd.paths) == 1


def test_a_program_leads_to_the_engine_where_nothing_is_forwarded(
    node: Node, sshd: FakeSshd
) -> None:
    sshd.forwards = False
    assert asked(node) == "GET /v1.44/info"
    assert sshd.commands == ["exec docker system dial-stdio"]


def test_a_program_that_is_never_started_is_given_up(target: Target, sshd: FakeSshd) -> None:
    sshd.forwards, sshd.starts = False, False
    with closing(SshConnection(target, 5.0)) as connection:
        dialled = engine._SshHttpConnection(connection._client, 2.0)
        with pytest.raises(TimeoutError, match="does not start a command"):
            dialled.connect()


def test_a_channel_that_is_never_opened_is_given_up(target: Target, sshd: FakeSshd) -> None:
    sshd.opens = False
    with closing(SshConnection(target, 5.0)) as connection:
        dialled = engine._SshHttpConnection(connection._client, 0.1)
        with pytest.raises(TimeoutError, match="does not open a channel"):
            dialled.connect()


def test_a_connection_that_broke_is_told(node: Node, sshd: FakeSshd) -> None:
    asked(node)
    sshd.hang_up()
    with pytest.raises(BrokenError, match="c01: asking: "):
        asked(node)


def test_a_connection_that_is_closed_is_told(node: Node) -> None:
    node.close()
    with pytest.raises(BrokenError, match=r"c01: asking: .*the connection is closed"):
        asked(node)
