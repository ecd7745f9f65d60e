"""An SSH connection to a node, for commands and for its engine."""

from __future__ import annotations

import logging
import shlex
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import paramiko

from cluster.connectors import shell, ssh_auth, ssh_hostkeys
from cluster.connectors.base import Answer, Completed, Lines, OnLine, shortened, too_much
from cluster.connectors.channel import closed_after
from cluster.connectors.forwarding import ForwardingTransport
from cluster.connectors.ssh_config import Target
from cluster.errors import BrokenError, DeadlineError, NodeError

if TYPE_CHECKING:
    from cluster.config.secrets import Secret
    from cluster.connectors.engine import Engine

# paramiko logs what it also raises; the person should see it once.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)
_Kept: TypeAlias = tuple[shell.Begun, shell.Begun]
_Talk: TypeAlias = Callable[[paramiko.Channel, shell.Call, _Kept], int]
_CHUNK = 1 << 16
_NO_STATUS = -1  # paramiko's exit status when the server sent none
_KEEPALIVE = 10  # seconds; without it, a node that lost its power would not be noticed


class SshConnection:
    """A `Connection` by SSH; commands and the Engine API share it.

    Host keys that are not known are refused; nothing is ever added to known_hosts.
    """

    def __init__(self, target: Target, deadline: float, password: Secret | None = None) -> None:
        """Connect and log in within `deadline` seconds.

        Args:
            password: tried once, in the same conversation, when no key is accepted.

        Raises:
            NodeError: unreachable, host key unknown or changed, login refused.
            DeadlineError: no answer in time.
        """
        self.name = target.name
        self.target = target
        self._client = paramiko.SSHClient()
        try:
            verify = ssh_hostkeys.Verify(target)
            self._client.set_missing_host_key_policy(verify)
            self._connect(deadline, password, verify)
        except BaseException:
            self._client.close()
            raise

    def run(
        self,
        command: str,
        *,
        deadline: float,
        stdin: bytes | IO[bytes] = b"",
        on_line: OnLine | None = None,
    ) -> Completed:
        """Run a shell command, as `Connection.run` says; at the deadline its channel is closed.

        Raises:
            NodeError: likewise, and when the login runs something else.
        """

        def talk(channel: paramiko.Channel, call: shell.Call, kept: _Kept) -> int:
            channel.exec_command(call.line)
            Thread(target=_feed, args=(channel, call.script, stdin), daemon=True).start()
            _read(channel, *kept)
            return int(channel.recv_exit_status())

        return self._converse(command, deadline, (None, on_line), talk)

    def run_watched(
        self,
        command: str,
        *,
        deadline: float,
        on_output: OnLine | None = None,
        answer: Answer | None = None,
    ) -> Completed:
        """Run a shell command, as `Connection.run_watched` says: Fabric carries it."""
        from cluster.connectors import carrier  # what looks at a node does without

        def talk(channel: paramiko.Channel, call: shell.Call, kept: _Kept) -> int:
            return carrier.talk(self.name, self._client, channel, call, kept, answer)

        return self._converse(command, deadline, (on_output, on_output), talk)

    def _converse(
        self, command: str, deadline: float, heard: tuple[OnLine | None, OnLine | None], talk: _Talk
    ) -> Completed:
        """Have `talk` run a command on a channel of its own, which is closed at the deadline."""
        channel = self._open(deadline, command)
        output, errors = Lines(heard[0], channel.close), Lines(heard[1], channel.close)
        call = shell.Call(command)
        begun, complained = call.begun(output), call.begun(errors)
        try:
            with closed_after(channel, deadline) as late:
                try:
                    code = talk(channel, call, (begun, complained))
                except (paramiko.SSHException, EOFError, OSError) as error:
                    if not (late.is_set() or output.full or errors.full):
                        raise BrokenError(self.name, f"the connection broke: {error}") from None
            if output.full or errors.full:
                raise too_much(self.name, command)
            if late.is_set():
                raise _late(self.name, deadline, command)
            if not begun.found and (code != _NO_STATUS or begun.endless):
                raise shell.refusal(self.name, begun.before, complained.before, code)
            if code == _NO_STATUS:
                raise NodeError(self.name, f"{self._ended_by}: {shortened(command)}")
            return Completed(code, output.collected, errors.collected)
        finally:
            channel.close()

    @property
    def _ended_by(self) -> str:
        """What ended a command that has no exit code."""
        transport = self._client.get_transport()
        alive = transport is not None and transport.is_active()
        return "a signal ended" if alive else "the connection broke during"

    def engine(self, deadline: float) -> Engine:
        """Return the node's Docker Engine API over this connection."""
        from cluster.connectors.engine import over_ssh

        return over_ssh(self._client, deadline)

    def close(self) -> None:
        """End the connection; safe to call twice."""
        self._client.close()

    def _open(self, seconds: float, command: str) -> paramiko.Channel:
        transport = self._client.get_transport()
        if transport is None:
            raise NodeError(self.name, "the connection is closed")
        try:
            return transport.open_session(timeout=seconds)
        except TimeoutError:
            raise _late(self.name, seconds, command) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise BrokenError(self.name, f"the connection broke: {error}") from None

    def _connect(
        self, deadline: float, password: Secret | None, verify: ssh_hostkeys.Verify
    ) -> None:
        target = self.target
        options = target.options
        try:
            if ssh_auth.whole_agent(target):
                # paramiko's client has no other way to be told which agent to ask.
                self._client._agent = ssh_auth.agent(target)  # type: ignore[attr-defined]  # noqa: SLF001
            self._client.connect(
                hostname=options.get("hostkeyalias") or target.host,
                port=target.port,
                username=options["user"],
                password=password.reveal() if password else None,
                sock=self._socket(deadline),
                pkey=ssh_auth.chosen_of_agent(target),
                # paramiko takes a list too; its stubs don't say so.
                key_filename=target.paths("identityfile"),  # type: ignore[arg-type]
                allow_agent=ssh_auth.whole_agent(target),
                look_for_keys=False,
                timeout=deadline,
                banner_timeout=deadline,
                auth_timeout=deadline,
                channel_timeout=deadline,
                transport_factory=partial(_transport, verify),
            )
            transport = self._client.get_transport()
            assert transport is not None  # it is connected
            transport.set_keepalive(_KEEPALIVE)
        except paramiko.AuthenticationException as error:
            raise ssh_auth.login_error(target, error) from None
        except TimeoutError:
            what = f"{target.where} does not answer within {deadline:.0f} s"
            raise DeadlineError(self.name, what) from None
        except paramiko.SSHException as error:
            refused = ssh_hostkeys.refusal(target, error, verify.known)
            raise refused or ssh_auth.protocol_error(target, error) from None
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise NodeError(self.name, f"{target.where} can't be reached: {reason}") from None

    def _socket(self, deadline: float) -> socket.socket | paramiko.ProxyCommand:
        target = self.target
        if proxy := target.proxy(target.host, target.port):
            return paramiko.ProxyCommand(shlex.join(proxy))
        direct = socket.create_connection((target.host, target.port), timeout=deadline)
        # A request of two small packets would otherwise wait for the node's delayed ACK (40 ms).
        direct.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if refusal := ssh_auth.greeting_error(target, direct.recv(64, socket.MSG_PEEK)):
            direct.close()
            raise refusal
        return direct


def _late(node: str, seconds: float, command: str) -> DeadlineError:
    return DeadlineError(node, f"not done within {seconds:.0f} s: {shortened(command)}")


def _transport(verify: ssh_hostkeys.Verify, *arguments: Any, **options: Any) -> ForwardingTransport:
    """Return a transport that asks the node for the kinds of host keys that are known of it."""
    transport = ForwardingTransport(*arguments, **options)
    offered = transport.get_security_options()
    offered.key_types = verify.first(offered.key_types)
    return transport


def _read(channel: paramiko.Channel, begun: shell.Begun, complained: shell.Begun) -> None:
    """Read both streams of a command to their ends."""
    reading = (channel.recv_stderr, complained)
    reader = Thread(target=_drain, args=reading, daemon=True)
    reader.start()
    _drain(channel.recv, begun)
    reader.join()


def _drain(receive: Callable[[int], bytes], begun: shell.Begun) -> None:
    # A channel that is closed under a reader ends its reading; run() tells why.
    with suppress(OSError, EOFError):
        while data := receive(_CHUNK):
            begun.write(data)


def _feed(channel: paramiko.Channel, script: bytes, stdin: bytes | IO[bytes]) -> None:
    # A command that ends without reading its input is not an error of ours: its exit code tells.
    with suppress(OSError, EOFError):
        if isinstance(stdin, bytes):
            channel.sendall(script + stdin)
        else:
            channel.sendall(script)
            while data := stdin.read(_CHUNK):
                channel.sendall(data)
        channel.shutdown_write()
