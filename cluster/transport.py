"""What every connection gives: the result of a command, and the Engine's API over a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeAlias

import docker
import docker.errors
import paramiko
import requests
from docker.transport.basehttpadapter import BaseHTTPAdapter
from docker.transport.sshconn import SSHConnectionPool
from docker.transport.unixconn import UnixHTTPAdapter

# Docker Engine 25: the first whose health checks have a start interval, and whose API
# is still served by the newest engines.
API_VERSION = "1.44"
SOCKET = "/var/run/docker.sock"
# The SDK takes the name after // to tell what kind of socket it may find below a response.
_BASE = {"ssh": "http+docker://ssh", "socket": "http+docker://localhost"}

Engine: TypeAlias = docker.APIClient
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
    is_local: bool

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
            deadline: seconds without any output after which it is given up.
            stdin: what it reads.
            on_line: called with each line of its standard error as it comes.

        Raises:
            NodeError: the connection broke; DeadlineError: no answer in time.
        """

    def engine(self, deadline: float) -> Engine:
        """Return the node's engine; each request waits at most `deadline` seconds."""

    def close(self) -> None:
        """End the connection."""


class Lines:
    """Collects bytes and hands on whole lines as they come."""

    def __init__(self, on_line: OnLine | None) -> None:
        self.bytes = b""
        self._on_line = on_line
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self.bytes += data
        if self._on_line is None:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace"))


class _ChannelAdapter(BaseHTTPAdapter):
    """requests over one kept-alive `docker system dial-stdio` channel of a connection."""

    def __init__(self, client: paramiko.SSHClient, deadline: float) -> None:
        super().__init__()
        self._pool = SSHConnectionPool(ssh_client=client, timeout=int(deadline), maxsize=4)

    def get_connection(self, url: Any, proxies: Any = None) -> SSHConnectionPool:  # noqa: ARG002
        """Return the one pool there is, as requests asks for it."""
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:  # noqa: ARG002
        """Return the path: there is no proxy on the way."""
        return request.path_url

    def close(self) -> None:
        """End the channel."""
        self._pool.close()
        super().close()


def over_ssh(client: paramiko.SSHClient, deadline: float) -> Engine:
    """Return an Engine client that speaks through an SSH connection."""
    return _engine(_BASE["ssh"], _ChannelAdapter(client, deadline), deadline)


def over_socket(deadline: float) -> Engine:
    """Return an Engine client for the engine of this machine."""
    return _engine(
        _BASE["socket"], UnixHTTPAdapter(f"http+unix://{SOCKET}", timeout=int(deadline)), deadline
    )


def image_chunks(engine: Engine, reference: str) -> Iterator[bytes]:
    """Read an image as `docker save` would.

    The SDK's own call takes the deadline off the connection; here it holds for every chunk.
    """
    url = f"{engine.base_url}/v{API_VERSION}/images/{reference}/get"
    with engine.get(url, stream=True, timeout=engine.timeout) as response:
        if not response.ok:
            raise docker.errors.APIError("no image", response, response.json().get("message"))
        yield from response.iter_content(1 << 20)


def _engine(base: str, adapter: BaseHTTPAdapter, deadline: float) -> Engine:
    engine = docker.APIClient(
        base_url="tcp://localhost:2375", version=API_VERSION, timeout=int(deadline)
    )
    engine.base_url = base  # the address of no one: the adapter is the way
    engine.trust_env = False  # no proxies and no netrc on the way to an engine
    engine.mount(base, adapter)
    return engine
