"""HTTP with what listens on a node's loopback.

Requests go there through a shell on the node, since neither curl nor SSH's port forwarding can be
counted on; several go at once, one after another on one connection (RFC 9112, section 9.3.2).
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse

from cluster.connectors.node import Node


@dataclass(frozen=True)
class Answer:
    """What was answered; `headers` by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Socket:
    """The one thing that HTTPResponse wants of a socket."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._stream


class _Stream(io.BytesIO):
    """Stays open when a response is through: the next one follows in it."""

    def close(self) -> None:
        """Do nothing."""


def exchange(node: Node, address: str, requests: Sequence[bytes]) -> list[Answer] | None:
    """Send HTTP/1.1 requests to `address` ("HOST:PORT") as the node sees it; return the answers.

    Nothing of a request is on a command line. None: nobody answers there.

    Raises:
        HTTPException, ValueError: what answers does not speak HTTP.
    """
    host, port = address.split(":")
    # Both directions at once, or a full buffer of one stops the other.
    script = f"exec 3<>/dev/tcp/{host}/{port} && {{ cat <&0 >&3 & cat <&3; }}"
    *first, last = requests
    stdin = b"".join(first) + last.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    done = node.run(f"bash -c {shlex.quote(script)}", stdin=stdin)
    if done.exit_code != 0 or not done.stdout:
        return None
    stream = _Stream(done.stdout)
    return [_answer(stream, request) for request in requests]


def _answer(stream: io.BytesIO, request: bytes) -> Answer:
    response = HTTPResponse(_Socket(stream), method=request.split()[0].decode())  # type: ignore[arg-type]
    response.begin()
    body = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body)
