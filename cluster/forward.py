"""A channel to the engine's socket on a node, over its SSH connection.

`docker system dial-stdio` gives the same, but starts a program on the node for it, which costs more
than all the requests of a look. OpenSSH forwards Unix sockets by itself (its file PROTOCOL, 2.4
"connection: Unix domain socket forwarding"), unless AllowStreamLocalForwarding is off.
"""

from __future__ import annotations

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN

SOCKET = "/var/run/docker.sock"
_KIND = "direct-streamlocal@openssh.com"


class ForwardingTransport(paramiko.Transport):
    """paramiko's transport, which opens channels of any kind but knows nothing of this one."""

    def open_engine(self, timeout: float) -> paramiko.Channel:
        """Open a channel to the engine's socket on the node, within `timeout` seconds.

        Raises:
            paramiko.ChannelException: the server does not forward, or the socket is not there or
                not the user's to open.
            paramiko.SSHException: the connection broke, or no answer came in time.
        """
        return self.open_channel(_KIND, timeout=timeout)

    def _send_user_message(self, data: paramiko.Message) -> None:
        """Complete the message that opens such a channel: the path, and two reserved fields."""
        message = paramiko.Message(data.asbytes())
        if message.get_bytes(1) == cMSG_CHANNEL_OPEN and message.get_text() == _KIND:
            data.add_string(SOCKET)
            data.add_string("")
            data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]  # not in paramiko's stubs
