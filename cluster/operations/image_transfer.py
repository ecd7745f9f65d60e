"""Bringing an image to a node: from its own registry, or streamed from the master's engine."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import docker.errors

from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.facts.images import content
from cluster.facts.nodes import identify
from cluster.model.policy import Amount, Progress
from cluster.model.spec import Image, Source
from cluster.operations.layers import Layers

_PAUSE = 0.2
# A reader registry sees a push as soon as the shared storage shows it (NFS caches for seconds).
_LAG_SECONDS = 30


class Spool:
    """Images read from the master's engine once, for all nodes that need them.

    Reading them once per node would open more SSH sessions on the master than sshd allows (10).
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skp-images-")
        self._lock = threading.Lock()
        self._files: dict[str, Path] = {}

    def file(self, source: Node, reference: str, progress: Progress) -> Path:
        """Return a file with the image as `docker save` writes it; raises NodeError."""
        with self._lock:
            if reference not in self._files:
                path = Path(self._folder.name) / str(len(self._files))
                seconds = source.deadlines.transfer
                with (
                    source.talking(f"reading {reference}", seconds) as engine,
                    path.open("wb") as f,
                ):
                    for chunk in engine.image_chunks(reference):
                        f.write(chunk)
                        progress.moved(Amount("reading", f.tell()))
                self._files[reference] = path
            return self._files[reference]

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


def ensure(
    fleet: Fleet, node: Node, image: Image, identity: str, master: str, progress: Progress
) -> None:
    """Make `image` with that id or digest available in the engine of `node`.

    Args:
        master: the node whose engine has the images that no registry serves.

    Raises:
        NodeError: it can't be brought here within the deadline.
    """
    if image.source is Source.REGISTRY:
        _from_registry(node, image, identity, progress)
    elif (found := identify(node, image)) != identity:
        if master not in fleet.nodes:
            raise NodeError(
                node.name, f"{image.reference} is on the master, which can't be reached"
            )
        source = fleet.nodes[master]
        if not (found and _same(source, node, image, identity)):
            file = fleet.shared(Spool).file(source, image.reference, progress)
            _load(node, image, file, progress)
            _check_loaded(source, node, image, identity)


def _check_loaded(source: Node, node: Node, image: Image, identity: str) -> None:
    """Refuse an image of the master's, `source`, that is not the wanted one; raises NodeError."""
    if identify(node, image) != identity and not _same(source, node, image, identity):
        raise NodeError(
            node.name,
            f"the master has another {image.reference} by now than the wanted {identity[:19]}",
        )


def _same(source: Node, node: Node, image: Image, identity: str) -> bool:
    """Whether `node` has the master's image, which is the wanted one, under an id of its own."""
    if identify(source, image) != identity:
        return False
    there = content(node, image.reference)
    return bool(there) and there == content(source, image.reference)


def pull(node: Node, repository: str, tag: str, progress: Progress) -> None:
    """Pull an image by tag or digest; raises NodeError."""
    layers = Layers(progress)
    with node.talking(f"pulling {repository}:{tag}", node.deadlines.transfer) as engine:
        for event in engine.pull_events(repository, tag):
            if "error" in event:
                raise NodeError(node.name, f"pulling {repository}:{tag}: {event['error']}")
            layers.take(event)


def _from_registry(node: Node, image: Image, digest: str, progress: Progress) -> None:
    name = image.reference.rsplit(":", 1)[0]
    pinned = f"{name}@{digest}"
    if not _stored(node, pinned):
        _wait_until_there(node, image, name, digest)
        pull(node, name, digest, progress)
    with node.talking(f"tagging {image.reference}") as engine:
        engine.tag(pinned, name, image.tag)


def _stored(node: Node, pinned: str) -> bool:
    """Whether the engine of `node` has an image."""
    with node.talking(f"looking for {pinned}") as engine:
        try:
            engine.inspect_image(pinned)
        except docker.errors.ImageNotFound:
            return False
        return True


def _wait_until_there(node: Node, image: Image, name: str, digest: str) -> None:
    end = time.monotonic() + min(_LAG_SECONDS, node.deadlines.transfer)
    while not _has(node, f"{name}@{digest}"):
        if time.monotonic() > end:
            raise NodeError(
                node.name,
                f"its registry does not have {image.reference} at {digest[:19]}, the one on record",
                "Does it run, over the same shared folder? Look: ./skp.py docker.image-list",
            )
        time.sleep(_PAUSE)


def _has(node: Node, pinned: str) -> bool:
    """Whether the registry of `node` has an image, asked by its engine."""
    with node.talking(f"looking for {pinned}") as engine:
        try:
            engine.inspect_distribution(pinned)
        except docker.errors.APIError:
            return False
        return True


def _load(node: Node, image: Image, path: Path, progress: Progress) -> None:
    doing = f"loading {image.reference}"
    with node.talking(doing, node.deadlines.transfer) as engine, path.open("rb") as file:
        for event in engine.load_events(_chunks(file, path.stat().st_size, progress)):
            if "error" in event:
                raise NodeError(node.name, f"{doing}: {event['error']}")


def _chunks(file: IO[bytes], size: int, progress: Progress) -> Iterator[bytes]:
    while data := file.read(1 << 20):
        yield data
        progress.moved(Amount("loading", file.tell(), size))
