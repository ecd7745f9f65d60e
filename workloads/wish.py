"""A deployment on its way in, and what became of it: values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.model.route import Route
from workloads.ledger import Entry
from workloads.model import Deployment
from workloads.secrets import Stored
from workloads.store import Found


@dataclass(frozen=True)
class Wish:
    """A deployment that is about to be let in.

    Attributes:
        form: as its file said it, in our own words. of: "project/name".
        images: by part, the reference with the digest in the cluster's registry.
        secrets: those that it names. user: "UID:GID" of its processes.
        by: the account that brings it; "" for the operator.
    """

    form: Mapping[str, Any]
    wanted: Deployment
    of: str
    images: Mapping[str, str]
    secrets: Stored
    user: str
    by: str = ""

    @property
    def project(self) -> str:
        """Whose it is."""
        return self.of.partition("/")[0]

    @property
    def document(self) -> dict[str, Any]:
        """What is kept of it as a revision."""
        return {
            "form": self.form,
            "images": dict(self.images),
            "user": self.user,
            "secrets": {name: each.number for name, (each, _) in self.secrets.items()},
        }


@dataclass(frozen=True)
class Reserved:
    """What the ledger has of a deployment.

    Attributes:
        entry: when its change is done. before: as it was; None for nothing.
    """

    entry: Entry
    before: Entry | None


@dataclass(frozen=True)
class Applied:
    """What was done for a deployment, and what was there before.

    Attributes:
        revision: the new one's number.
        before: the services as they were. left: those that have no place in the new revision.
        reserved: None where nothing was changed: all was as it is wanted.
        warnings: what a person should know; images that are not on a node, say.
        ways: what the front door is to have of it: routes by host name; led: what it had before.
        steady: seconds that all has to work before it counts; drain: that old connections may
            go on.
    """

    of: str
    revision: int
    before: tuple[Found, ...] = ()
    left: tuple[Found, ...] = ()
    reserved: Reserved | None = None
    warnings: tuple[str, ...] = ()
    ways: Mapping[str, Route] = field(default_factory=dict)
    led: Mapping[str, Route] = field(default_factory=dict)
    steady: int = 0
    drain: int = 0
