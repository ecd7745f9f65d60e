"""What every connection to a node gives: the result of a command, and the node's engine.

Neither paramiko nor Docker's SDK is loaded here: how to connect is asked without them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import paramiko

    from cluster.connectors.engine import Engine

OnLine: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Completed:
    """A command that ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Its standard output as text, without the last line's end."""
        return self.stdout.decode(errors="replace").rstrip("\n")

    def complaint(self, lines: int = 8) -> str:
        """Return the last lines of its standard error, for a message."""
        said = self.stderr.decode(errors="replace").strip().splitlines()
        return "\n".join(said[-lines:]) or f"exit code {self.exit_code}, no message"


class Connection(Protocol):
    """A way to a node: SSH, or this machine itself."""

    name: str

    def run(
        self,
        command: str,
        *,
        deadline: float,
        stdin: bytes | IO[bytes] = b"",
        on_line: OnLine | None = None,
    ) -> Completed:
        """Run a shell command on the node.

        Args:
            command: for the user's shell on the node; quote its words with shlex.
            deadline: seconds after which it is given up.
            stdin: what it reads.
            on_line: called with each line of its standard error as it comes.

        Raises:
            NodeError: the connection broke; DeadlineError: not done in time.
        """

    def engine(self, deadline: float) -> Engine:
        """Return the node's engine; each request waits at most `deadline` seconds."""

    def close(self) -> None:
        """End the connection."""


class Lines:
    """Collects bytes and hands on whole lines as they come."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._chunks: list[bytes] = []
        self._on_line = on_line
        self._rest = b""

    @property
    def collected(self) -> bytes:
        """All that came so far."""
        return b"".join(self._chunks)

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._chunks.append(data)
        if self._on_line is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace"))


@contextmanager
def closed_after(channel: paramiko.Channel, seconds: float) -> Iterator[threading.Event]:
    """Close `channel` when the block takes longer, which ends every wait on it.

    Gives an event that tells whether that happened. paramiko's own timeouts cover single reads
    only, and neither the start of a command nor its exit status.
    """
    late = threading.Event()

    def give_up() -> None:
        late.set()
        channel.close()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
