"""Admitting an image that was pushed by hand: the digest in the registry goes on record."""

from __future__ import annotations

from cluster.commands.change import Change
from cluster.commands.image_rm import named
from cluster.config.inventory import Inventory
from cluster.connectors.fleet import Fleet
from cluster.errors import ConfigError, NodeError, SkpError
from cluster.facts import record
from cluster.facts.registry import Registry
from cluster.model.answer import Unanswered
from cluster.model.digests import DIGEST
from cluster.model.item import Difference, Item, Keep, Kind
from cluster.model.spec import Image
from cluster.operations.digests import AdmitImage

_EXAMPLE = "For example: ./skp.py docker.image-admit skp/docker-ds:latest"


def parse(reference: str) -> tuple[Image, str]:
    """Return the image that a person names as REPOSITORY:TAG[@DIGEST], and the digest or "".

    Raises:
        ConfigError: it is missing or not of its form.
    """
    if not reference:
        raise ConfigError("an image with its tag is needed", _EXAMPLE)
    name, _, digest = reference.partition("@")
    if "@" in reference and not DIGEST.fullmatch(digest):
        raise ConfigError(f"{digest or reference}: not a digest; allowed: sha256: and 64 digits")
    repository, colon, tag = name.rpartition(":")
    if not colon:
        raise ConfigError(f"{reference}: it has no tag", _EXAMPLE)
    return named(repository, tag, ("", ""), _EXAMPLE), digest


def plan_image_admission(
    inventory: Inventory, fleet: Fleet, image: Image, expected: str = ""
) -> Change:
    """Return the change that records the digest which the master's registry has for `image`.

    Args:
        expected: a digest that it has to be; "" for any.

    Raises:
        SkpError: the registry does not have it, or has another than the expected one.
        NodeError: there is no Swarm, no manager tells the record, or no registry answers.
    """
    master = inventory.master.name
    via, known = record.tell(inventory, fleet)
    if not via:
        raise NodeError(master, record.NO_SWARM, "./skp.py docker.swarm-init")
    registry = Registry(fleet.node(master))
    found = registry.digests([image.repository])[image.repository].get(image.tag, "")
    if not DIGEST.fullmatch(found):
        raise SkpError(
            f"the master's registry does not have {image.name}",
            f"Push it there: docker push {image.reference} on {master}",
        )
    if expected and found != expected:
        raise SkpError(
            f"the registry's {image.name} is {found}, not {expected}: nothing was admitted",
            "Push it again, or look at who else pushes: the master's loopback is open to its users",
        )
    before = "" if isinstance(known, Unanswered) else next(iter(known.get(image.name, ())), "")
    if found == before:
        return Change((Keep(Kind.INTENT, via, image.name, identity=found),))
    about = registry.describe(image.repository, found).items()
    differences = (
        Difference("digest", found, before),
        *(Difference(word, said, None) for word, said in about),
    )
    item: Item = AdmitImage(via, image.name, found, differences)
    begun = (f"{known.why}: it begins anew",) if isinstance(known, Unanswered) else ()
    return Change((item,), warnings=begun)
