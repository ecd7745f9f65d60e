"""The node that is this machine itself: no SSH, the engine by its own socket."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from cluster.connectors import shell
from cluster.connectors.base import Answer, Completed, Lines, OnLine, too_much
from cluster.errors import DeadlineError

if TYPE_CHECKING:
    from cluster.connectors.engine import Engine


def is_this_machine(address: str) -> bool:
    """Whether `address` (IPv4) belongs to an interface of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))  # sends nothing; to an own address the route begins at it
        except OSError:
            return False
        return bool(probe.getsockname()[0] == address)


class LocalConnection:
    """A `Connection` whose commands are run by a shell on this machine."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(
        self,
        command: str,
        *,
        deadline: float,
        stdin: bytes | IO[bytes] = b"",
        on_line: OnLine | None = None,
    ) -> Completed:
        """Run a shell command, as `Connection.run` says; the deadline ends its children too."""
        return self._run(command, deadline, stdin, (None, on_line))

    def run_watched(
        self,
        command: str,
        *,
        deadline: float,
        on_output: OnLine | None = None,
        answer: Answer | None = None,
    ) -> Completed:
        """Run a shell command, as `run_watched` says; it has the answer from the start."""
        given = f"{answer.text.reveal()}\n".encode() if answer else b""
        return self._run(command, deadline, given, (on_output, on_output))

    def _run(
        self,
        command: str,
        deadline: float,
        stdin: bytes | IO[bytes],
        heard: tuple[OnLine | None, OnLine | None],
    ) -> Completed:
        given = None if isinstance(stdin, bytes) else stdin
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=given or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=shell.environment(os.environ),
            umask=shell.UMASK,
            start_new_session=True,  # so that its children end with it
        )
        late = threading.Event()

        def end() -> None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        def give_up() -> None:
            late.set()
            end()

        timer = threading.Timer(deadline, give_up)
        timer.daemon = True
        timer.start()
        try:
            output, errors = Lines(heard[0], end), Lines(heard[1], end)
            assert process.stderr is not None and process.stdout is not None
            reader = threading.Thread(target=_pump, args=(process.stderr, errors), daemon=True)
            reader.start()
            if isinstance(stdin, bytes):
                feeder = threading.Thread(target=_feed, args=(process, stdin), daemon=True)
                feeder.start()
            _pump(process.stdout, output)
            reader.join()
            code = process.wait()
            for lines in (output, errors):
                lines.end()
        except BaseException:
            end()
            raise
        finally:
            timer.cancel()
        if output.full or errors.full:
            raise too_much(self.name, command)
        if late.is_set():
            raise DeadlineError(self.name, f"not done within {deadline:.0f} s")
        return Completed(code, output.collected, errors.collected)

    def engine(self, deadline: float) -> Engine:
        """Return this machine's engine."""
        from cluster.connectors.engine import over_socket

        return over_socket(deadline)

    def close(self) -> None:
        """Do nothing: no connection is open between commands."""


def _pump(stream: IO[bytes], lines: Lines) -> None:
    assert isinstance(stream, io.BufferedReader)
    while data := stream.read1():
        lines.write(data)


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    assert process.stdin is not None
    # A command that ends without reading its input is not an error of ours: its exit code tells.
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(stdin)
