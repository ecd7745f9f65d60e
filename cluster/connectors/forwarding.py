"""paramiko's transport with a channel to the engine's socket, and without a race in paramiko.

`docker system dial-stdio` reaches the engine too, but starts a program on the node, which takes
longer than all requests that read the node's state. OpenSSH forwards Unix sockets by itself (its
file PROTOCOL, 2.4 "connection: Unix domain socket forwarding"), unless AllowStreamLocalForwarding
is no.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import paramiko
from paramiko.common import (
    cMSG_CHANNEL_CLOSE,
    cMSG_CHANNEL_DATA,
    cMSG_CHANNEL_EOF,
    cMSG_CHANNEL_OPEN,
)

from cluster.connectors.shell import SOCKET
from cluster.deadlines import Deadline

_KIND = "direct-streamlocal@openssh.com"


class ForwardingTransport(paramiko.Transport):
    """A transport that can reach the engine, and sends nothing on a channel that is closed.

    paramiko makes a message while it holds the channel's lock, and sends it afterwards. When the
    program ends in between, the receiving thread closes the channel, and the late message makes
    sshd end the whole connection ("ieof packet referred to nonexistent channel"; paramiko's issue
    1115, open since 2017). Here such messages are sent one after the other, and dropped when the
    channel is closed.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Make a transport; paramiko.Transport has the arguments."""
        self._order = threading.Lock()
        super().__init__(*arguments, **options)

    def open_channel(self, *arguments: Any, **options: Any) -> paramiko.Channel:
        """Open a channel within the option `timeout`; paramiko.Transport has the arguments.

        Raises:
            TimeoutError: no answer came in time, which paramiko tells like a broken connection.
            paramiko.ChannelException: the server refuses it.
            paramiko.SSHException: the connection broke.
        """
        deadline = Deadline(options.get("timeout") or self.channel_timeout)
        try:
            return super().open_channel(*arguments, **options)
        except paramiko.ChannelException:
            raise
        except paramiko.SSHException:
            if deadline.passed:
                raise TimeoutError("the SSH server does not open a channel") from None
            raise

    def open_engine(self, timeout: float) -> paramiko.Channel:
        """Open a channel to the engine's socket on the node, within `timeout` seconds.

        Raises:
            paramiko.ChannelException: the server does not forward, or the socket is not there or
                not the user's to open.
            paramiko.SSHException: the connection broke. TimeoutError: no answer came in time.
        """
        return self.open_channel(_KIND, timeout=timeout)

    def _send_user_message(self, data: paramiko.Message) -> None:
        message = paramiko.Message(data.asbytes())
        kind = message.get_bytes(1)
        if kind in (cMSG_CHANNEL_DATA, cMSG_CHANNEL_EOF, cMSG_CHANNEL_CLOSE):
            with self._order:
                if kind == cMSG_CHANNEL_CLOSE:
                    self._send_close(data)
                elif self._is_open(message.get_int()):
                    super()._send_user_message(data)  # type: ignore[misc]  # not in the stubs
            return
        if kind == cMSG_CHANNEL_OPEN and message.get_text() == _KIND:
            # The kind's own fields: the path, and two that are reserved.
            data.add_string(SOCKET)
            data.add_string("")
            data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]  # not in paramiko's stubs

    def _send_close(self, data: paramiko.Message) -> None:
        # The connection may end in the same moment, closed by another thread: then so is the
        # channel. paramiko drops the message too when it finds the connection closed beforehand.
        with suppress(EOFError, OSError):
            super()._send_user_message(data)  # type: ignore[misc]  # not in paramiko's stubs

    def _is_open(self, remote: int) -> bool:
        """Tell whether the channel that the server calls `remote` is not closed by either side."""
        channels = self._channels.values()  # type: ignore[attr-defined]  # not in the stubs
        return any(c.remote_chanid == remote and not c.closed for c in channels)
