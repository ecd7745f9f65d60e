"""What builds begin from: images of the cluster's own registry, each by its digest there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cluster.errors import ConfigError, ConfigErrors
from cluster.facts.registry import Registry
from cluster.model.policy import Progress
from cluster.model.spec import REGISTRY, Image, Source
from cluster.operations.image import build, push
from workloads import dockerfile
from workloads.admission import Images
from workloads.build_folder import Folder
from workloads.references import PLATFORM, Reference, at_home, parsed

if TYPE_CHECKING:
    from cluster.connectors.node import Node
    from workloads.accounts import People

_OURS = "skp"
_BASE = Image("skp/base", "trixie")


@dataclass(frozen=True)
class Bases:
    """The images that a Dockerfile names.

    Attributes:
        folder: with the Dockerfile as it is built: a digest in it is a tag.
        found: by full name with a tag, what the cluster's registry has for it: REPOSITORY@DIGEST.
    """

    folder: Folder
    found: Mapping[str, str]


def bases(
    folder: Folder, project: str, people: People, images: Images, master: Node, progress: Progress
) -> Bases:
    """Return what a folder's Dockerfile begins from; what is missing is copied here.

    Raises:
        ConfigErrors: it names what they may not have, or what is no image.
        ConfigError, SkpError: one can't be had.
    """
    named = dockerfile.bases(folder.named, folder.text)
    said = {text: parsed(at_home(text, {project, _OURS})) for text in named}
    wrong = [
        ConfigError(f"{folder.named}:{named[text]}: {text} is of the project {_owner(each)}", hint)
        for text, each in said.items()
        if not _may_have(each, project, people)
        for hint in (f"Allowed: images of {project}, {_OURS}/..., and other registries'.",)
    ]
    if wrong:
        raise ConfigErrors(wrong)
    if any(each.is_own and each.kept == _BASE for each in said.values()):
        _have_base(master, progress)
    admitted = images.admitted(each.text for each in said.values())
    text, found = folder.text, dict[str, str]()
    for written, each in said.items():
        name = f"{parsed(written).host}/{parsed(written).repository}:{each.kept.tag}"
        if each.digest:
            text = text.replace(written, name)
        found[name] = admitted[each.text].removeprefix(f"{REGISTRY}/")
    return Bases(replace(folder, text=text), found)


def _owner(reference: Reference) -> str:
    return reference.repository.partition("/")[0]


def _may_have(reference: Reference, project: str, people: People) -> bool:
    """Whether builds of a project may begin from an image: another project's are its own."""
    if not reference.is_own or _owner(reference) in (*PLATFORM, project):
        return True
    return people.account is None or people.sees(_owner(reference))


def _have_base(master: Node, progress: Progress) -> None:
    """Put the platform's own base into the registry, where nobody has yet."""
    if _BASE in Registry(master).identify([_BASE]):
        return
    progress.say(f"putting {_BASE.name} into the cluster's registry (once)")
    local = Image(_BASE.repository, _BASE.tag, Source.STREAM, recipe="base")
    build(master, local, {}, progress)
    master.run(f"docker tag {local.reference} {shlex.quote(_BASE.reference)}")
    push(master, _BASE, progress)
