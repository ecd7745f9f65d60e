"""A registry (Distribution 2.8) on a node's loopback, reached through the node's shell."""

from __future__ import annotations

import hashlib
import json

from cluster.connectors.base import Completed
from tests.support.fake_connection import FakeConnection, Ran

_KIND = "application/vnd.oci.image.manifest.v1+json"


class FakeRepository:
    """The tags of one repository.

    Attributes:
        tags: digest by tag.
        asked: method and path of each request.
        refuses: the methods that it answers with 405.
    """

    def __init__(self, connection: FakeConnection) -> None:
        """Have the node's shell reach it."""
        self.tags: dict[str, str] = {}
        self.asked: list[str] = []
        self.refuses: tuple[str, ...] = ()
        self._manifests: dict[str, bytes] = {}
        connection.on_run("/dev/tcp/localhost/5000", self._exchange)

    def add(self, tag: str, manifest: bytes) -> str:
        """Have a manifest under a tag, and return its digest."""
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.tags[tag], self._manifests[digest] = digest, manifest
        return digest

    def _exchange(self, ran: Ran) -> Completed:
        assert isinstance(ran.stdin, bytes)
        rest, answers = ran.stdin, b""
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:])
            length = int(headers.get("Content-Length", 0))
            body, rest = rest[:length], rest[length:]
            method, path, _ = lines[0].split()
            self.asked.append(f"{method} {path}")
            answers += self._answer(method, path.rpartition("/")[2], body)
        return Completed(0, answers, b"")

    def _answer(self, method: str, last: str, body: bytes) -> bytes:
        digest = last if last.startswith("sha256:") else self.tags.get(last, "")
        if method in self.refuses:
            return _response(405, body=b"unsupported\n")
        if method == "GET" and last == "list":
            return _response(200, body=json.dumps({"tags": list(self.tags) or None}).encode())
        if method == "PUT":
            return _response(201, self.add(last, body))
        if method == "DELETE":
            self.tags = {tag: d for tag, d in self.tags.items() if d != digest}
            return _response(202)
        if not digest:
            return _response(404, body=b"" if method == "HEAD" else b"{}")
        return _response(200, digest, self._manifests[digest] if method == "GET" else b"")


def _response(status: int, digest: str = "", body: bytes = b"") -> bytes:
    lines = [
        f"HTTP/1.1 {status} scripted",
        f"Content-Length: {len(body)}",
        f"Content-Type: {_KIND}",
    ]
    if digest:
        lines.append(f"Docker-Content-Digest: {digest}")
    return "\r\n".join([*lines, "", ""]).encode() + body
