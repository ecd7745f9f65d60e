"""Fabric's Connection over a client whose host key and login SKP has verified (decision 96).

It carries what a person watches: output that is passed on as it comes, and a prompt that is
answered. What makes a conversation safe stays with whoever opened its channel: the deadline, how
much is kept, and what its errors mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import fabric
import paramiko
from fabric.config import Config
from fabric.runners import Remote
from invoke.exceptions import ThreadException
from invoke.watchers import StreamWatcher

if TYPE_CHECKING:
    from cluster.connectors.base import Answer
    from cluster.connectors.shell import Begun, Call

_CHUNK = 1 << 16


class _Verified(fabric.Connection):
    """A connection that is there already; Fabric neither opens another one nor adds host keys."""

    def __init__(self, name: str, client: paramiko.SSHClient) -> None:
        # Lazy: neither ~/.fabric.yaml, nor variables of the environment, nor SSH's files are read.
        super().__init__(name, config=Config(lazy=True))
        self.client, self.transport = client, client.get_transport()
        self.runner: _Runner | None = None

    def _remote_runner(self) -> _Runner:
        assert self.runner is not None  # `talk` has made it
        return self.runner

    def open(self) -> None:
        """Raise an error if the connection is closed."""
        if not self.is_connected:
            raise EOFError("the connection is closed")


class _Runner(Remote):
    """Runs a command on a channel that is open, and keeps its bytes as they come."""

    def __init__(
        self,
        context: _Verified,
        channel: paramiko.Channel,
        call: Call,
        kept: tuple[Begun, Begun],
    ) -> None:
        super().__init__(context)
        self.channel, self._call = channel, call
        self._output, self._errors = kept

    def start(self, command: str, *_: Any) -> None:
        """Run the command by a shell of ours, which reads it: its channel is open."""
        self.channel.exec_command(command)
        self.channel.sendall(self._call.script)

    def stop(self) -> None:
        """Leave the channel to whoever opened it."""

    def read_proc_stdout(self, _: int) -> bytes:
        """Return the next bytes of standard output; b"" at its end."""
        return self._read(self.channel.recv(_CHUNK), self._output)

    def read_proc_stderr(self, _: int) -> bytes:
        """Return the next bytes of standard error, likewise."""
        return self._read(self.channel.recv_stderr(_CHUNK), self._errors)

    def _read(self, data: bytes, lines: Begun) -> bytes:
        lines.write(data)
        # Fabric keeps what it reads, too: only for a watcher, and no more than may be kept.
        return b"" if lines.full else data

    def handle_stdin(self, input_: IO[str], *_: Any, **__: Any) -> None:  # noqa: ARG002
        """End standard input at once, unless an answer may be wanted; see `_Once`."""
        if not self.watchers:
            self.close_input()

    def close_input(self) -> None:
        """End standard input: a command that reads on gets no more."""
        # A command that has ended reads nothing: its exit code tells.
        with suppress(OSError, EOFError):
            self.channel.shutdown_write()


class _Once(StreamWatcher):
    """Answers a prompt, once: a wrong password that is tried again locks its user out."""

    def __init__(self, answer: Answer, runner: _Runner) -> None:
        super().__init__()
        self._answer, self._runner, self._is_given = answer, runner, False

    def submit(self, stream: str) -> Iterator[str]:
        """Yield the answer when its prompt is first there, and end the input after it."""
        if not self._is_given and self._answer.prompt in stream:
            self._is_given = True
            yield f"{self._answer.text.reveal()}\n"
            self._runner.close_input()


def talk(
    name: str,
    client: paramiko.SSHClient,
    channel: paramiko.Channel,
    call: Call,
    kept: tuple[Begun, Begun],
    answer: Answer | None,
) -> int:
    """Run a command on an open channel until it ends; return its exit code, or -1 without one.

    Args:
        kept: take the bytes of standard output and standard error as they come.
        answer: to a prompt that the command may show.

    Raises:
        OSError, EOFError, paramiko.SSHException: the connection broke, or the channel was closed.
    """
    connection = _Verified(name, client)
    runner = connection.runner = _Runner(connection, channel, call, kept)
    watchers = [_Once(answer, runner)] if answer else []
    try:
        done = connection.run(
            call.line, hide=True, warn=True, encoding="utf-8", watchers=watchers, in_stream=_NOBODY
        )
    except ThreadException as error:  # it shows what was read, and comes from a thread of its own
        raise error.exceptions[0].value from None
    for lines in kept:
        lines.end()
    return int(done.exited)


class _Nobody:
    """A standard input that is nobody's: `_Runner.handle_stdin` reads nothing of it."""


_NOBODY: Any = _Nobody()
