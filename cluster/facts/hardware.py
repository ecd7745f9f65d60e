"""What a node is made of, and how old the images of its containers are."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

import docker.errors

from cluster.connectors.node import Node
from cluster.facts.told import number_or, text_or

_MOST = 200  # images of one node that are asked for


@dataclass(frozen=True)
class Hardware:
    """What a node has.

    Attributes:
        cores: 0 if not known. disk, free: bytes of the file system with the engine's data; 0 if
            not known.
        created: RFC 3339 time at which an image was made, by the image as a container names it.
    """

    cores: int = 0
    disk: int = 0
    free: int = 0
    created: dict[str, str] = field(default_factory=dict)


def hardware(node: Node, images: frozenset[str]) -> Hardware:
    """Return what `node` has, and when `images` were made; raises NodeError."""
    with node.talking("reading what it has") as engine:
        told = engine.info()
        created = {}
        for image in sorted(images)[:_MOST]:
            try:
                created[image] = text_or("", engine.inspect_image(image), "Created")
            except docker.errors.APIError:
                continue  # the container runs on without it
        root = text_or("/", told, "DockerRootDir")
        cores = number_or(0, told, "NCPU")
    disk, free = _disk(node, root)
    return Hardware(cores, disk, free, created)


def _disk(node: Node, folder: str) -> tuple[int, int]:
    """Return size and free bytes; where the folder can't be seen, of the root."""
    done = node.run(f"df -kP {shlex.quote(folder)} 2>/dev/null || df -kP /")
    words = done.text.splitlines()[-1].split() if done.text else []
    if len(words) < 4 or not (words[1].isdigit() and words[3].isdigit()):
        return 0, 0
    return int(words[1]) << 10, int(words[3]) << 10
