"""The images in a node's engine, and the containers that use them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import docker.errors

from cluster.connectors.node import Node
from cluster.facts.told import keys, number_or, parts, text, texts
from cluster.model.spec import REGISTRY

# images/build.sh puts it on every image that it builds.
LABEL_IMAGE = "skp.image"
_CONFIG = (
    "Cmd", "Entrypoint", "Env", "ExposedPorts", "Labels", "StopSignal", "User", "Volumes",
    "WorkingDir",
)  # fmt: skip
OURS = f"{REGISTRY}/"
"""What the names of images in our registry begin with."""


@dataclass(frozen=True)
class Stored:
    """An image in an engine.

    Attributes:
        tags: references such as localhost:5000/skp/docker-ds:1.0.
        digests: references such as localhost:5000/skp/docker-ds@sha256:...
        labelled: whether it was built from a recipe of ours.
        size: bytes; layers that it shares with others are counted in each.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    labelled: bool = False
    size: int = 0

    @property
    def ours(self) -> bool:
        """Whether we built it, or it was once in our registry.

        A name under our registry's address does not count: somebody may have tagged an image to
        push it later, and has it nowhere else.
        """
        return self.labelled or self.pushed

    @property
    def pushed(self) -> bool:
        """Whether it was once in our registry."""
        return any(digest.startswith(OURS) for digest in self.digests)

    @property
    def label(self) -> str:
        """A short name for people."""
        names = [*self.tags, *(digest.partition("@")[0] for digest in self.digests)]
        short = self.id.removeprefix("sha256:")[:12]
        return f"{names[0].removeprefix(OURS)} ({short})" if names else short


@dataclass(frozen=True)
class User:
    """A container, ours or not, running or not.

    Attributes:
        reference: the name by which its image was given.
        image: the id of its image.
    """

    name: str
    reference: str
    image: str


@dataclass(frozen=True)
class Store:
    """The images of an engine, and all its containers."""

    images: tuple[Stored, ...]
    users: tuple[User, ...] = field(default=())

    def named(self, reference: str) -> Stored | None:
        """Return the image that has the tag `reference` here; None when there is none."""
        return next((image for image in self.images if reference in image.tags), None)

    def uses(self, image: Stored) -> bool:
        """Whether a container was made from `image`, or from a name that it has now."""
        return any(u.image == image.id or u.reference in image.tags for u in self.users)

    def users_of(self, reference: str, digest: str = "") -> list[User]:
        """Return the containers that need the name `reference`.

        They were made from that name, or from the image that it means, here or (by `digest`, as a
        reference) in the registry; but not those made from another name that means it too.
        """
        meant = [i for i in self.images if reference in i.tags or digest in i.digests]
        return [
            user
            for user in self.users
            if user.reference == reference
            or any(user.image == i.id and user.reference not in i.tags for i in meant)
        ]


def read(node: Node) -> Store:
    """Return all images of `node` and all its containers."""
    with node.talking("reading its images") as engine:
        # Images first: a container that is made from one of them meanwhile is then in the list.
        images = tuple(_stored(item) for item in parts(engine.images()))
        users = tuple(_user(found) for found, _ in engine.inspected())
    return Store(images, users)


def content(node: Node, reference: str) -> str:
    """Return a hash of what a container gets of an image: its layers, and how it is configured.

    It is the same on all engines, which an image's id is not: containerd's store names an image by
    its manifest, the other one by its configuration. "" when the node does not have it, or does
    not say what it is made of.
    """
    with node.talking(f"looking at {reference}") as engine:
        try:
            found = engine.inspect_image(reference)
        except docker.errors.ImageNotFound:
            return ""
    if not (layers := texts(found, "RootFS", "Layers")):
        return ""
    made_of = {
        "layers": layers,
        **{key: value for key in _CONFIG if (value := (found.get("Config") or {}).get(key))},
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _user(found: object) -> User:
    name, reference = text(found, "Name"), text(found, "Config", "Image")
    return User(name.lstrip("/"), reference, text(found, "Image"))


def _stored(item: object) -> Stored:
    # (Containerd's store lists a digest by which an image was pulled among its tags.)
    return Stored(
        id=text(item, "Id"),
        tags=tuple(t for t in texts(item, "RepoTags") if "<none>" not in t and "@" not in t),
        digests=tuple(d for d in texts(item, "RepoDigests") if "<none>" not in d),
        labelled=LABEL_IMAGE in keys(item, "Labels"),
        size=number_or(0, item, "Size"),
    )
