"""Operations that change which image a tag means (decision 14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.model.decisions import Decisions
from cluster.model.item import Action, Difference
from cluster.operations.decisions import DecisionOperation


@dataclass(frozen=True)
class AdmitImage(DecisionOperation):
    """Record the digest that counts for an image from now on.

    Attributes:
        name: the image as repository:tag.
    """

    node: str
    name: str
    digest: str
    differences: tuple[Difference, ...] = ()
    action = Action.ADMIT

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with this digest counting, before those that did."""
        return decisions.admit(self.name, self.digest)


@dataclass(frozen=True)
class RecordRunning(DecisionOperation):
    """Record the digests that run; an image with one on record keeps that.

    Attributes:
        digests: by image.
    """

    node: str
    digests: Mapping[str, str]
    differences: tuple[Difference, ...] = ()
    name: str = "digests"
    action = Action.RECORD

    @property
    def verb(self) -> str:
        """What it does, in words that say of what."""
        return "record the digests that run"

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with these digests added."""
        return decisions.adopt(self.digests)


@dataclass(frozen=True)
class ForgetImage(DecisionOperation):
    """Forget which digests were recorded for the image `name`, given as repository:tag."""

    node: str
    name: str
    differences: tuple[Difference, ...] = ()
    action = Action.FORGET

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions without the image."""
        return decisions.forget(self.name)
