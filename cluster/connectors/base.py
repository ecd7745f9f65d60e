"""The protocol of a connection to a node: it runs commands and gives the node's engine.

Neither paramiko nor Docker's SDK is imported here; both are slow to load, and nothing needs them
before a node answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from cluster.connectors.engine import Engine

OnLine: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Completed:
    """The result of a command that ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Its standard output as text, without newlines at its end."""
        return self.stdout.decode(errors="replace").rstrip("\n")

    def complaint(self, lines: int = 8) -> str:
        """Return the last `lines` of its standard error, for a message."""
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
            deadline: seconds after which the command is ended.
            stdin: what the command reads.
            on_line: called with each line of its standard error as it comes.

        Raises:
            NodeError: the connection broke; DeadlineError: the command took longer.
        """

    def engine(self, deadline: float) -> Engine:
        """Return the node's engine; each request waits at most `deadline` seconds."""

    def close(self) -> None:
        """End the connection."""


class Lines:
    """Collects bytes and passes on each line once it is whole."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._chunks: list[bytes] = []
        self._on_line = on_line
        self._rest = b""

    @property
    def collected(self) -> bytes:
        """All bytes so far."""
        return b"".join(self._chunks)

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._chunks.append(data)
        if self._on_line is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace"))
