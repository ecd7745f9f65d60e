"""HTTP with what listens on a node's loopback.

A shell on the node passes requests on, since a node may lack curl and its sshd may forbid port
forwarding. Several requests are sent at once on one connection (pipelining: RFC 9112, 9.3.2).
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
    """An HTTP response; `headers` by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Socket:
    """The only part of a socket that HTTPResponse uses."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._stream


class _Stream(io.BytesIO):
    """Stays open at the end of a response, since the next one follows in it."""

    def close(self) -> None:
        """Do nothing."""


def exchange(node: Node, address: str, requests: Sequence[bytes]) -> list[Answer] | None:
    """Send HTTP/1.1 requests to `address` ("HOST:PORT", as seen from the node).

    Requests travel by standard input, so that no secret of theirs is on a command line. Returns an
    answer for each, or None if nothing listens there.

    Raises:
        HTTPException, ValueError: the answer is not HTTP.
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
