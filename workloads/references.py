"""References to images: whose registry they name, and what a copy of them is called here. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cluster.model.spec import REGISTRY, Image

_PUBLIC = "docker.io"
_MIRROR = "mirror"
PLATFORM = ("skp", _MIRROR)
"""The first words of repositories that no project has: the platform's own, and copies."""


@dataclass(frozen=True)
class Reference:
    """A reference to an image.

    Attributes:
        text: as somebody wrote it.
        host: the registry's, with its port where there is one; Docker's own where none is written.
        tag: "latest" where none is written. digest: "sha256:..."; "" where none is.
    """

    text: str
    host: str
    repository: str
    tag: str
    digest: str

    @property
    def is_own(self) -> bool:
        """Whether it names the cluster's own registry."""
        return self.host == REGISTRY

    @property
    def source(self) -> str:
        """It as skopeo takes it: with a tag or a digest, and not with both."""
        end = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.host}/{self.repository}{end}"

    @property
    def kept(self) -> Image:
        """What the cluster's registry has for it: its own image, or a copy.

        Of "registry.example:5000/team/app:1" that is "mirror/registry.example_5000/team/app:1".
        """
        tag = self.digest.replace(":", "-")[:128] or self.tag
        if self.is_own:
            return Image(self.repository, tag)
        return Image(f"{_MIRROR}/{self.host.replace(':', '_').lower()}/{self.repository}", tag)


def at_home(text: str, owners: Iterable[str]) -> str:
    """Return what a reference means: one without a host may be of the cluster's own registry.

    Args:
        owners: the first words of repositories that are meant there, as a project's name is.
    """
    owner, _, rest = text.partition("/")
    return f"{REGISTRY}/{text}" if rest and owner in owners else text


def parsed(text: str) -> Reference:
    """Return what a reference says; it is of the form that `check.is_image` knows."""
    name, _, digest = text.partition("@")
    host, _, rest = name.partition("/")
    if not rest or not ("." in host or ":" in host or host == "localhost"):
        host, rest = _PUBLIC, name if "/" in name else f"library/{name}"
    repository, _, tag = rest.rpartition(":") if ":" in rest else (rest, "", "latest")
    return Reference(text, host, repository, tag, digest)
