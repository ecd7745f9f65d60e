"""What is sent on a connection that ends in the same moment."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest

from cluster.connectors.forwarding import ForwardingTransport


@pytest.fixture
def channel() -> Iterator[paramiko.Channel]:
    """Give an open channel of a connection whose other end is gone, which nobody noticed yet."""
    ours, theirs = socket.socketpair()
    transport: Any = ForwardingTransport(ours)  # paramiko's stubs leave out its inner names
    transport.active = True
    transport.clear_to_send.set()
    channel: Any = paramiko.Channel(1)
    channel._set_transport(transport)
    channel._set_window(1 << 20, 1 << 15)
    channel._set_remote_channel(1, 1 << 20, 1 << 15)
    transport._channels.put(1, channel)
    theirs.close()
    yield channel
    ours.close()


def test_closing_a_channel_of_a_connection_that_ended_is_no_error(
    channel: paramiko.Channel,
) -> None:
    channel.close()
    assert channel.closed


def test_what_could_not_be_sent_is_told(channel: paramiko.Channel) -> None:
    with pytest.raises((EOFError, OSError)):
        channel.send(b"x")
