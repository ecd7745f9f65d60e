"""A client of the Engine API: Docker's own SDK over an SSH channel or a local socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import docker
import docker.errors
import paramiko
import requests
import urllib3.connection
from docker.transport.basehttpadapter import BaseHTTPAdapter
from docker.transport.sshconn import SSHConnectionPool
from docker.transport.unixconn import UnixHTTPAdapter

from cluster.connectors import bounded, shell
from cluster.connectors.channel import closed_after
from cluster.connectors.forwarding import ForwardingTransport
from cluster.connectors.shell import SOCKET

# Docker Engine 25: the first whose health checks have a start interval, and whose API
# is still served by the newest engines.
API_VERSION = "1.44"
_MOST_CONTAINERS = 2000  # on one node: each is asked for by itself
_MOST_IMAGE = 32 << 30  # bytes: three times the data-science image for GPUs
# By the name after // the SDK tells what kind of socket lies below a response.
_BASE = {"ssh": "http+docker://ssh", "socket": "http+docker://localhost"}


_CONFLICT = 409


def is_conflict(error: docker.errors.APIError) -> bool:
    """Whether somebody else has changed, or made, an object of the Swarm meanwhile."""
    # (An old version is told as a bad request or an unknown fault, by its words.)
    return error.status_code == _CONFLICT or "update out of sequence" in str(error)


class Engine(docker.APIClient):
    """A client of a Docker Engine; its deadline can differ from thread to thread."""

    def __init__(self, base: str, adapter: BaseHTTPAdapter, deadline: float) -> None:
        self._deadline = threading.local()
        self._default = deadline
        super().__init__(base_url="tcp://localhost:2375", version=API_VERSION)
        self._deadline = (
            threading.local()
        )  # forgets the SDK's own deadline, which its constructor has set
        self.base_url = base  # nothing listens at the address above: the adapter is the way
        self.trust_env = False  # no proxies and no netrc on the way to an engine
        self.adapters.clear()  # an engine that redirects a request leads to nobody else
        self._custom_adapter = None
        self.mount(base, adapter)
        # The stubs leave out what else a hook is told.
        self.hooks["response"].append(_read_whole)  # type: ignore[arg-type]

    @property
    def timeout(self) -> int:
        """Seconds that a request of this thread may be without an answer."""
        return int(getattr(self._deadline, "seconds", self._default))

    @timeout.setter
    def timeout(self, seconds: int) -> None:
        self._deadline.seconds = seconds

    def image_chunks(self, reference: str) -> Iterator[bytes]:
        """Read an image as `docker save` would, within the deadline.

        The SDK's own call takes the deadline off the connection.
        """
        url = f"{self.base_url}/v{API_VERSION}/images/{reference}/get"
        with self.get(url, stream=True, timeout=self.timeout) as response:
            self._check(response)
            yield from bounded.limited(response.iter_content(1 << 20), _MOST_IMAGE, self.timeout)

    def log_chunks(
        self, ident: str, options: Mapping[str, str], kind: str = "containers"
    ) -> Iterator[bytes]:
        """Read a log as the engine sends it, with `options` of its API.

        Args:
            kind: what `ident` is of: "containers", or of the Swarm "services" or "tasks".

        The deadline holds until the log begins, and for every chunk unless it is followed.
        """
        url = f"{self.base_url}/v{API_VERSION}/{kind}/{ident}/logs"
        with self.get(url, params=options, stream=True, timeout=self.timeout) as response:
            self._check(response)
            if "follow" in options:
                # The SDK's own way, which its stubs leave out.
                socket = self._get_raw_response_socket(response)  # type: ignore[attr-defined]
                self._disable_socket_timeout(socket)  # type: ignore[attr-defined]
            yield from response.iter_content(bounded.CHUNK)

    def exec_output(self, ident: str) -> bytes:
        """Start a command that was made in a container; return what it prints on both streams.

        Raises:
            TimeoutError: its output does not end within the deadline, which the SDK knows not of.
        """
        socket = self.exec_start(ident, socket=True)
        try:
            return bounded.output(socket, self.timeout)
        finally:
            # The SDK hangs the response on the socket where it can, so that it lives as long.
            getattr(socket, "_response", socket).close()

    def layers_size(self) -> int:
        """Return how many bytes all image layers take on the engine's disk."""
        url = f"{self.base_url}/v{API_VERSION}/system/df"
        with self.get(url, params={"type": "image"}, timeout=self.timeout) as response:
            self._check(response)
            return int(response.json()["LayersSize"])

    def pull_events(self, repository: str, tag: str) -> Iterator[Mapping[str, Any]]:
        """Pull an image by tag or digest; the SDK's own call has no deadline."""
        url = f"{self.base_url}/v{API_VERSION}/images/create"
        params = {"fromImage": repository, "tag": tag}
        with self.post(url, params=params, stream=True, timeout=self.timeout) as response:
            self._check(response)
            yield from bounded.events(response.iter_content(bounded.CHUNK), self.timeout)

    def push_events(self, repository: str, tag: str) -> Iterator[Mapping[str, Any]]:
        """Push an image to its registry; the SDK's own call has no deadline."""
        url = f"{self.base_url}/v{API_VERSION}/images/{repository}/push"
        params = {"tag": tag}
        with self.post(url, params=params, json={}, stream=True, timeout=self.timeout) as response:
            self._check(response)
            yield from bounded.events(response.iter_content(bounded.CHUNK), self.timeout)

    def load_events(self, image: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
        """Load an image as `docker save` wrote it; the SDK's own call has no deadline."""
        url = f"{self.base_url}/v{API_VERSION}/images/load"
        with self.post(url, data=image, stream=True, timeout=self.timeout) as response:
            self._check(response)
            yield from bounded.events(response.iter_content(bounded.CHUNK), self.timeout)

    def inspected(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Yield every container, running or not: as inspected, and as listed."""
        every = self.containers(all=True)
        if len(every) > _MOST_CONTAINERS:
            raise bounded.StrangeError(f"more than {_MOST_CONTAINERS} containers")
        for listed in every:
            try:
                yield self.inspect_container(listed["Id"]), listed
            except docker.errors.NotFound:
                continue  # it went between the two requests

    def update_config(self, ident: str, version: int, name: str, labels: Mapping[str, str]) -> None:
        """Change a config object's labels by compare-and-swap; the SDK has no call for it."""
        url = f"{self.base_url}/v{API_VERSION}/configs/{ident}/update"
        body = {"Name": name, "Labels": dict(labels)}
        params = {"version": str(version)}
        self._check(self.post(url, json=body, params=params, timeout=self.timeout))

    def of_swarm(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **params: str
    ) -> Any:
        """Put a request about the Swarm's objects; the SDK's calls leave fields of services out.

        Args:
            path: below the API's version, e.g. "/services/create".
        """
        url = f"{self.base_url}/v{API_VERSION}{path}"
        with self.request(method, url, json=body, params=params, timeout=self.timeout) as answer:
            self._check(answer)
            return answer.json() if answer.content else None

    def _check(self, response: requests.Response) -> None:
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            raise docker.errors.create_api_error_from_http_exception(error) from None


def _read_whole(response: requests.Response, stream: bool, timeout: float, **_: Any) -> None:
    """Read an answer that is no stream; requests itself would read whatever comes."""
    if stream:
        return
    chunks = response.iter_content(bounded.CHUNK)
    with response:
        whole = b"".join(bounded.limited(chunks, bounded.MOST_ANSWER, max(1.0, timeout)))
    response._content = whole  # noqa: SLF001 - where requests itself keeps it


class _SshHttpConnection(urllib3.connection.HTTPConnection):
    """An HTTP connection to the engine over a channel of an SSH connection.

    The channel forwards the engine's socket; where sshd refuses that, it runs
    `docker system dial-stdio`.
    """

    def __init__(self, client: paramiko.SSHClient, deadline: float) -> None:
        super().__init__("localhost", timeout=deadline)
        self._client, self._seconds = client, deadline

    def connect(self) -> None:
        """Open the channel within the deadline."""
        transport = self._client.get_transport()
        if transport is None:
            raise paramiko.SSHException("the connection is closed")
        self.sock = self._forward(transport) or self._dial(transport)
        self.sock.settimeout(self._seconds)

    def _forward(self, transport: paramiko.Transport) -> paramiko.Channel | None:
        if not isinstance(transport, ForwardingTransport):
            return None
        try:
            return transport.open_engine(self._seconds)
        except paramiko.ChannelException:
            return None  # refused: dial-stdio may do, and its error says more than a number

    def _dial(self, transport: paramiko.Transport) -> paramiko.Channel:
        channel = transport.open_session(timeout=self._seconds)
        call = shell.Call("exec docker system dial-stdio")
        with closed_after(channel, self._seconds) as late:
            try:
                channel.exec_command(call.line)
                channel.sendall(call.script)
                self._begin(channel, call.mark)
            except (paramiko.SSHException, OSError):
                if late.is_set():
                    raise TimeoutError("the SSH server does not start a command") from None
                raise
        return channel

    def _begin(self, channel: paramiko.Channel, mark: bytes) -> None:
        """Read what a login prints, up to the mark that the program begins after."""
        before = b""
        while not before.endswith(mark):
            # (One at a time: what comes after the mark is the engine's.)
            data = channel.recv(1)
            before += data
            if not data or len(before) > shell.MOST_BEFORE:
                raise paramiko.SSHException(f"the SSH login says {before[:80]!r} in place of it")


class _SshHttpPool(SSHConnectionPool):
    """A pool of these connections; the SDK's class keeps channels open between requests."""

    def __init__(self, client: paramiko.SSHClient, deadline: float) -> None:
        super().__init__(timeout=int(deadline), maxsize=4)
        self._client, self._seconds = client, deadline

    def _new_conn(self) -> _SshHttpConnection:
        return _SshHttpConnection(self._client, self._seconds)


class _SshHttpAdapter(BaseHTTPAdapter):
    """The adapter that has requests use this pool."""

    def __init__(self, client: paramiko.SSHClient, deadline: float) -> None:
        super().__init__()
        self._pool = _SshHttpPool(client, deadline)

    def get_connection(self, url: Any, proxies: Any = None) -> SSHConnectionPool:  # noqa: ARG002
        """Return the only pool; requests calls this for every request."""
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:  # noqa: ARG002
        """Return the path: there is no proxy on the way."""
        return request.path_url

    def close(self) -> None:
        """End the channels."""
        self._pool.close()
        super().close()


def over_ssh(client: paramiko.SSHClient, deadline: float) -> Engine:
    """Return an Engine client that speaks through an SSH connection."""
    return Engine(_BASE["ssh"], _SshHttpAdapter(client, deadline), deadline)


def over_socket(deadline: float) -> Engine:
    """Return an Engine client for the engine of this machine."""
    adapter = UnixHTTPAdapter(f"http+unix://{SOCKET}", timeout=int(deadline))
    return Engine(_BASE["socket"], adapter, deadline)
