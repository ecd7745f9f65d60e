"""What the engine can't do with a registry: list its tags, and take one away.

The registry listens on its node's loopback; see `connectors.loopback_http`. The API is that of
Distribution (distribution.github.io, HTTP API V2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from http.client import HTTPException
from typing import Any

from cluster.connectors.loopback_http import Answer, exchange
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.digests import DIGEST
from cluster.model.spec import REGISTRY, Image
from cluster.model.units import size

_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = "docker-content-digest"
# How many requests are sent on one connection before the answers are read, which buffers hold.
_AT_ONCE = 100


class Registry:
    """The registry of a node, as that node reaches it."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def digests(self, repositories: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the digest of every tag: by repository, then by tag.

        A repository that the registry does not have is there without tags.

        Raises:
            NodeError: no registry answers, or what answers is none.
        """
        names = sorted(set(repositories))
        listed = self._ask([_request("GET", f"/v2/{name}/tags/list") for name in names])
        tags = {name: self._tags(name, answer) for name, answer in zip(names, listed, strict=True)}
        pairs = [(name, tag) for name in names for tag in tags[name]]
        heads = self._ask([_request("HEAD", _manifest(name, tag)) for name, tag in pairs])
        found: dict[str, dict[str, str]] = {name: {} for name in names}
        for (name, tag), answer in zip(pairs, heads, strict=True):
            self._expect(answer, (200, 404), f"asking the registry for {name}:{tag}")
            if answer.status == 200:  # else the tag was removed between the two requests
                found[name][tag] = self._digest(answer)
        return found

    def identify(self, images: Iterable[Image]) -> dict[Image, str]:
        """Return the digests of those images that the registry has; none when nobody answers.

        All are asked for at once, on one connection. The engine could be asked too, but only for
        one after another, and it connects to the registry anew each time.
        """
        wanted = list(images)
        heads = [_request("HEAD", _manifest(i.repository, i.tag)) for i in wanted]
        try:
            answers = exchange(self._node, REGISTRY, heads) if heads else None
        except (HTTPException, ValueError):
            return {}  # no registry: the plan says which operation brings it
        pairs = zip(wanted, answers or [], strict=bool(answers))
        return {i: a.headers[_DIGEST] for i, a in pairs if a.status == 200 and _DIGEST in a.headers}

    def describe(self, repository: str, digest: str) -> dict[str, str]:
        """Return what the image's own manifest says: when it was created, and its size packed.

        What is not there, or of no known form, is left out: anybody may have written it.
        """
        found: dict[str, str] = {}
        try:
            manifest = self._json(_manifest(repository, digest))
            if platforms := manifest.get("manifests"):
                manifest = self._json(_manifest(repository, _checked(platforms[0]["digest"])))
            found["size"] = size(sum(int(layer["size"]) for layer in manifest["layers"]))
            config = _checked(manifest["config"]["digest"])
            created = self._json(f"/v2/{repository}/blobs/{config}")["created"]
            found["created"] = str(datetime.fromisoformat(created[:19]))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            pass
        return found

    def _json(self, path: str) -> Any:
        (answer,) = self._ask([_request("GET", path)])
        return json.loads(answer.body)

    def _tags(self, repository: str, answer: Answer) -> list[str]:
        self._expect(answer, (200, 404), f"asking the registry for {repository}")
        if answer.status == 404:
            return []
        try:
            return sorted(json.loads(answer.body).get("tags") or [])
        except (ValueError, AttributeError) as error:
            raise self._strange(error) from None

    def _digest(self, answer: Answer) -> str:
        if _DIGEST not in answer.headers:
            raise self._strange(KeyError(_DIGEST))
        return answer.headers[_DIGEST]

    def _strange(self, error: Exception) -> NodeError:
        what = f"what answers at {REGISTRY} there is no registry: {error!r}"
        return NodeError(self._node.name, what)

    def tag(self, repository: str, digest: str, tag: str) -> None:
        """Have a tag mean an image of the same repository that is there.

        Raises:
            NodeError: no registry answers, or it refuses.
        """
        doing = f"having {repository}:{tag} mean {digest}"
        (original,) = self._ask([_request("GET", _manifest(repository, _checked(digest)))])
        self._expect(original, (200,), doing)
        kind = original.headers["content-type"]
        (answer,) = self._ask([_request("PUT", _manifest(repository, tag), original.body, kind)])
        self._expect(answer, (201,), doing)

    def untag(self, repository: str, tag: str) -> None:
        """Remove a tag; a missing one is no error.

        Distribution 2.8 deletes manifests by digest only, with all their tags (decision 46). When
        other tags have the same manifest, this tag is first moved to a copy of the manifest with
        one more blank, which has a digest of its own.

        Raises:
            NodeError: no registry answers, or it refuses.
        """
        digests = self.digests([repository])[repository]
        if tag not in digests:
            return
        digest = digests[tag]
        if list(digests.values()).count(digest) > 1:
            digest = self._move_to_twin(repository, tag, digest)
        (answer,) = self._ask([_request("DELETE", _manifest(repository, digest))])
        self._expect(answer, (202, 404), f"removing {repository}:{tag} from the registry")

    def _move_to_twin(self, repository: str, tag: str, digest: str) -> str:
        doing = f"giving {repository}:{tag} a manifest of its own"
        (original,) = self._ask([_request("GET", _manifest(repository, digest))])
        self._expect(original, (200,), doing)
        body = original.body.replace(b"{", b"{ ", 1)
        kind = original.headers["content-type"]
        (answer,) = self._ask([_request("PUT", _manifest(repository, tag), body, kind)])
        self._expect(answer, (201,), doing)
        twin = self._digest(answer)
        if twin == digest:
            raise NodeError(self._node.name, f"{doing}: the registry took it for the same")
        return twin

    def _expect(self, answer: Answer, allowed: Sequence[int], doing: str) -> None:
        if answer.status not in allowed:
            body = answer.body.decode(errors="replace").strip()[:200]
            raise NodeError(self._node.name, f"{doing}: it answers {answer.status} {body}")

    def _ask(self, requests: Sequence[bytes]) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(requests), _AT_ONCE):
            answers += self._exchange(requests[start : start + _AT_ONCE])
        return answers

    def _exchange(self, requests: Sequence[bytes]) -> list[Answer]:
        try:
            answers = exchange(self._node, REGISTRY, requests)
        except (HTTPException, ValueError) as error:
            raise self._strange(error) from None
        if answers is None:
            raise NodeError(
                self._node.name,
                f"no registry answers at {REGISTRY} there",
                "./skp.py docker.registry-run",
            )
        return answers


def _checked(digest: str) -> str:
    """Return a digest; raises ValueError for what is none."""
    if not DIGEST.fullmatch(digest):
        raise ValueError(digest)
    return digest


def _manifest(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"


def _request(method: str, path: str, body: bytes = b"", kind: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {REGISTRY}", f"Accept: {', '.join(_KINDS)}"]
    if body:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
