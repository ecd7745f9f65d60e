"""An SSH server on 127.0.0.1, in threads of this process: what a node's sshd does, or fails to do.

Commands are run by a shell of this machine, all but one: `break` ends the connection while it runs.
The user's login shell is `bash`, or what a test says.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from cluster.connectors.shell import CLEAN

ENGINE = "direct-streamlocal@openssh.com"
_DIAL = "exec docker system dial-stdio"
_CHUNK = 1 << 16


class FakeSshd(paramiko.ServerInterface):
    """A server that is told what it accepts; one for all its connections.

    Attributes:
        key: the key that may log in; None: none may. password: the password that may.
        opens: whether it answers at all when a channel is to be opened.
        forwards: whether it forwards the engine's socket.
        starts: whether it answers at all when it is to run a command.
        ciphers: which it offers, if not paramiko's.
        login: how the user's login shell, or a forced command, is called, before the command.
        offered: the fingerprints of keys that were offered. passwords: how many were tried.
        commands: what was to be run, and had begun.
        paths: the Unix sockets that were asked for.
        connections: how many were accepted.
    """

    def __init__(self, host_key: Path, port: int = 0) -> None:
        self.key: paramiko.PKey | None = None
        self.password = ""
        self.opens = True
        self.forwards = True
        self.starts = True
        self.ciphers: tuple[str, ...] = ()
        self.login: tuple[str, ...] = ("bash", "-c")
        self.offered: list[str] = []
        self.passwords = 0
        self.commands: list[str] = []
        self.paths: list[str] = []
        self.connections = 0
        self._host_key = paramiko.Ed25519Key.from_private_key_file(str(host_key))
        self._ended = threading.Event()
        self._transports: list[paramiko.Transport] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End the server, its connections, and the commands that still run."""
        self._ended.set()
        # close() alone does not wake a thread that is in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for process in self._processes:
            with suppress(ProcessLookupError):  # it has ended
                os.killpg(process.pid, signal.SIGKILL)

    def hang_up(self) -> None:
        """End all connections; new ones are accepted."""
        while self._transports:
            self._transports.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            transport = _Server(connection, self.paths)
            if self.ciphers:
                transport.__dict__["_preferred_ciphers"] = self.ciphers  # its setter would refuse
            transport.add_server_key(self._host_key)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):  # the client hung up
                transport.start_server(event=threading.Event(), server=self)

    def let_in(self, private: Path) -> None:
        """Let this key log in."""
        self.key = paramiko.Ed25519Key.from_private_key_file(str(private))

    # What paramiko asks of a server.

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        self.offered.append(key.fingerprint)
        return AUTH_SUCCESSFUL if key == self.key else AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:  # noqa: ARG002
        self.passwords += 1
        right = bool(self.password) and password == self.password
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        if not self.opens:
            self._ended.wait()
        if kind == "session" or (kind == ENGINE and self.forwards):
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if not self.starts:
            self._ended.wait()
        _begin(self._run, channel, command.decode())
        return True

    def _run(self, channel: paramiko.Channel, line: str) -> None:
        # The client sends input, or its end, once it was told that the command has begun; what
        # happens earlier could overtake that message.
        end = f"\n{line.partition('] && f=1')[0].split()[-1]}\n".encode()
        first = b""
        while end not in first:
            more = channel.recv(_CHUNK)
            if not more:
                raise EOFError("the client hung up before its script had come")
            first += more
        script, _, rest = first.partition(end)
        begin, clean, command = script.decode().partition(CLEAN)
        self.commands.append(command)
        if command == "break":
            channel.sendall(b"half")
            channel.get_transport().close()
        elif command == _DIAL:
            process = self._start(line)
            channel.sendall(process.communicate(f"{begin}{clean}".encode() + end)[0])
            if process.returncode == 0:
                _serve_engine(channel, rest)
            channel.close()
        else:
            _shell(channel, self._start(line), first)

    def _start(self, line: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*self.login, line],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,  # so that its children end with it
        )
        self._processes.append(process)
        return process


class _Server(paramiko.Transport):
    """The server's side of a connection; serves an engine on the channels that lead to one."""

    def __init__(self, connection: socket.socket, paths: list[str]) -> None:
        super().__init__(connection)
        self._paths = paths
        self._kept: list[paramiko.Channel] = []  # paramiko forgets a channel that nobody holds

    def _parse_channel_open(self, message: paramiko.Message) -> None:
        kind = message.get_text()
        if kind == ENGINE:
            for _ in range(3):  # the channel's number, its window and its packets' size
                message.get_int()
            self._paths.append(message.get_text())
        message.rewind()
        super()._parse_channel_open(message)  # type: ignore[misc]  # not in paramiko's stubs
        while channel := self.accept(0):
            self._kept.append(channel)
            if kind == ENGINE:
                _begin(_serve_engine, channel)


def _begin(function: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=_until_hung_up, args=(function, *arguments), daemon=True)
    thread.start()
    return thread


def _until_hung_up(function: Callable[..., None], *arguments: Any) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):
        function(*arguments)


def _serve_engine(channel: paramiko.Channel, more: bytes = b"") -> None:
    """Answer every request for JSON with its method and path."""
    data = b""
    while more := more or channel.recv(_CHUNK):
        data, more = data + more, b""
        while b"\r\n\r\n" in data:
            head, _, data = data.partition(b"\r\n\r\n")
            body = json.dumps({"Asked": head.split(b" HTTP/")[0].decode()}).encode()
            length = b"Content-Length: %d" % len(body)
            channel.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (length, body))


def _shell(channel: paramiko.Channel, process: subprocess.Popen[bytes], first: bytes) -> None:
    assert process.stdin and process.stdout and process.stderr
    _begin(_copy_in, channel, process.stdin, first)
    threads = [
        _begin(_copy_out, process.stdout, channel.sendall),
        _begin(_copy_out, process.stderr, channel.sendall_stderr),
    ]
    for thread in threads:
        thread.join()
    if (code := process.wait()) >= 0:  # there is none of a process that a signal ended
        channel.send_exit_status(code)
    channel.close()


def _copy_in(channel: paramiko.Channel, stdin: IO[bytes], data: bytes) -> None:
    with stdin:
        stdin.write(data)
        stdin.flush()
        while data := channel.recv(_CHUNK):
            stdin.write(data)
            stdin.flush()


def _copy_out(stream: IO[bytes], send: Callable[[bytes], object]) -> None:
    with stream:
        while data := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # a BufferedReader
            send(data)
