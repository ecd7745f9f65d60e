<<<<<<< HEAD
"""A registry (Distribution 2.8) on a node's loopback, reached through the node's shell."""
=======
"""A registry as SKP reaches it: HTTP requests that a node's shell passes on (`loopback_http`)."""
>>>>>>> wt-e

from __future__ import annotations

import hashlib
import json
<<<<<<< HEAD

from cluster.connectors.base import Completed
from tests.support.fake_connection import FakeConnection, Ran

_KIND = "application/vnd.oci.image.manifest.v1+json"


class FakeRegistry:
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
=======
import re
from collections.abc import Mapping

from cluster.connectors.base import Completed
from tests.support.fakes import FakeConnection, Ran, done


class FakeRegistry:
    """The registry on a node's loopback.

    Attributes:
        tags: by repository: tag to digest.
        manifests: by digest.
        asked: the requests' first lines without the protocol, in their order.
        refuses: answers in place of the registry's own, by the beginning of such a line.
    """

    def __init__(self, connection: FakeConnection) -> None:
        """Have it listen on the node of `connection`."""
        self.tags: dict[str, dict[str, str]] = {}
        self.manifests: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refuses: dict[str, bytes] = {}
        connection.on_run("/dev/tcp/localhost/5000 && { cat", self._answer)

    def add(self, repository: str, *tags: str, content: str = "") -> str:
        """Have an image with these tags; return its digest."""
        body = json.dumps({"image": content or f"{repository}:{tags}"}).encode()
        digest = self._store(body)
        self.tags.setdefault(repository, {}).update(dict.fromkeys(tags, digest))
        return digest

    def _store(self, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.manifests[digest] = body
        return digest

    def _answer(self, ran: Ran) -> Completed:
>>>>>>> wt-e
        assert isinstance(ran.stdin, bytes)
        rest, answers = ran.stdin, b""
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
<<<<<<< HEAD
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
=======
            length = re.search(rb"Content-Length: (\d+)", head)
            size = int(length[1]) if length else 0
            body, rest = rest[:size], rest[size:]
            line = head.decode().partition(" HTTP/")[0]
            self.asked.append(line)
            refused = next((a for start, a in self.refuses.items() if line.startswith(start)), b"")
            answers += refused or self._one(line, body)
        return Completed(0, answers, b"")

    def _one(self, line: str, body: bytes) -> bytes:
        method, path = line.split(" ")
        found = re.fullmatch(r"/v2/(.*)/(tags/list|manifests/(.*))", path)
        assert found is not None, line
        repository, reference = found[1], found[3]
        tags = self.tags.get(repository, {})
        if reference is None:
            return _response(200, json.dumps({"tags": [*tags]}).encode()) if tags else MISSING
        if method == "PUT":
            tags[reference] = self._store(body)
            return _response(201, b"", {"Docker-Content-Digest": tags[reference]})
        digest = tags.get(reference, reference)
        if digest not in self.manifests:
            return MISSING
        if method == "DELETE":
            for tag in [tag for tag, known in tags.items() if known == digest]:
                del tags[tag]
            return _response(202)
        headers = {"Docker-Content-Digest": digest, "Content-Type": "application/json"}
        return _response(200, b"" if method == "HEAD" else self.manifests[digest], headers)


def _response(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


MISSING = _response(404, b'{"errors": []}')
REFUSED = _response(500, b"disk full")


def no_registry(connection: FakeConnection) -> None:
    """Have nothing listen there."""
    connection.on_run("/dev/tcp/localhost/5000", done(1, stderr="Connection refused"))
>>>>>>> wt-e
