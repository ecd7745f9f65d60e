"""A registry as SKP reaches it: HTTP requests that a node's shell passes on (`loopback_http`)."""

from __future__ import annotations

import hashlib
import json
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
        assert isinstance(ran.stdin, bytes)
        rest, answers = ran.stdin, b""
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            size = int(length[1]) if length else 0
            body, rest = rest[:size], rest[size:]
            line = head.decode().partition(" HTTP/")[0]
            self.asked.append(line)
            refused = next((a for start, a in self.refuses.items() if line.startswith(start)), b"")
            if line.startswith("HEAD ") and refused:
                refused = refused.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"  # it has no body
            answers += refused or self._one(line, body)
        return Completed(0, answers, b"")

    def _one(self, line: str, body: bytes) -> bytes:
        method, path = line.split(" ")
        found = re.fullmatch(r"/v2/(.*)/(tags/list|(?:manifests|blobs)/(.*))", path)
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


def digests(pushed: Mapping[str, str], ran: Ran) -> Completed:
    """Answer requests for tags and their digests; `pushed` has them by reference."""
    assert isinstance(ran.stdin, bytes)
    asked = re.findall(r"(GET|HEAD) /v2/(\S+)/(tags/list|manifests/(\S+)) HTTP", ran.stdin.decode())
    return Completed(0, b"".join(_told(pushed, *words) for words in asked), b"")


def _told(pushed: Mapping[str, str], method: str, name: str, what: str, tag: str) -> bytes:
    if what == "tags/list":
        ours = [reference.partition(f"localhost:5000/{name}:")[2] for reference in pushed]
        return _response(200, json.dumps({"tags": [tag for tag in ours if tag]}).encode())
    found = pushed.get(f"localhost:5000/{name}:{tag}")
    if method == "GET":
        return MISSING  # of manifests it has no more than their digests
    answer = _response(200, b"", {"Docker-Content-Digest": found}) if found else MISSING
    return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


MISSING = _response(404, b'{"errors": []}')
REFUSED = _response(500, b"disk full")


def no_registry(connection: FakeConnection) -> None:
    """Have nothing listen there."""
    connection.on_run("/dev/tcp/localhost/5000", done(1, stderr="Connection refused"))
