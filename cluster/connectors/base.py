"""The protocol of a connection to a node: it runs commands and gives the node's engine.

Neither paramiko nor Docker's SDK is imported here; both are slow to load, and nothing needs them
before a node answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias

from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.config.secrets import Secret
    from cluster.connectors.engine import Engine

OnLine: TypeAlias = Callable[[str], None]
MOST_OUTPUT = 16 << 20
"""Bytes that a command may print on each of its streams: all of it is kept in memory."""


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


@dataclass(frozen=True)
class Answer:
    """What a command is given when it asks.

    Attributes:
        prompt: what it shows then; nothing else that it prints may hold this.
        text: the answer, without a newline.
    """

    prompt: str
    text: Secret


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
            command: for a plain `sh` (see `shell`); quote its words with shlex.
            deadline: seconds after which the command is ended.
            stdin: what the command reads.
            on_line: called with each line of its standard error as it comes.

        Raises:
            NodeError: the connection broke, or the command printed more than `MOST_OUTPUT`.
            DeadlineError: the command took longer.
        """

    def run_watched(
        self,
        command: str,
        *,
        deadline: float,
        on_output: OnLine | None = None,
        answer: Answer | None = None,
    ) -> Completed:
        """Run a shell command as `run` does, with nothing to read but an answer.

        Args:
            on_output: called with each line of either stream as it comes, from several threads.
            answer: given once, when the command asks for it.
        """

    def engine(self, deadline: float) -> Engine:
        """Return the node's engine; each request waits at most `deadline` seconds."""

    def close(self) -> None:
        """End the connection."""


def too_much(name: str, command: str) -> NodeError:
    """Return the error for a command on the node `name` that prints more than may be kept."""
    return NodeError(
        name, f"it prints more than {MOST_OUTPUT >> 20} MB, and was ended: {shortened(command)}"
    )


def shortened(command: str) -> str:
    """Return a shell command, cut where it is too long for a message."""
    return command if len(command) <= 60 else f"{command[:57]}..."


class Lines:
    """Collects bytes and passes on each line once it is whole.

    Attributes:
        full: whether more came than may be kept; what came then is dropped.
    """

    def __init__(self, on_line: OnLine | None, stop: Callable[[], None]) -> None:
        """Begin with nothing.

        Args:
            stop: called once more came than may be kept; it ends whatever writes.
        """
        self._chunks: list[bytes] = []
        self._on_line, self._stop = on_line, stop
        self._size = 0
        self._rest = b""
        self.full = False

    @property
    def collected(self) -> bytes:
        """All bytes so far."""
        return b"".join(self._chunks)

    def stop(self) -> None:
        """End whatever writes."""
        self._stop()

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size += len(data)
        if self._size > MOST_OUTPUT:
            self.full = True
            self._stop()
            return
        self._chunks.append(data)
        if self._on_line is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace"))

    def end(self) -> None:
        """Pass on what came after the last newline, too."""
        if self._on_line is not None and self._rest:
            self._on_line(self._rest.decode(errors="replace"))
            self._rest = b""
