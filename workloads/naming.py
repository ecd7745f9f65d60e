"""The names and labels of what deployments become in the Swarm: no user chooses them. Pure.

A project's and a deployment's names have no underscore, so that no two of these are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cluster.config.secrets import Secret
from cluster.model.route import PROJECTS
from workloads.model import Deployment, Part, Port

_LONGEST = 63  # of a service's name (moby, swarmkit)
_KEPT = 40
DEPLOYMENT, COPY, PART, REVISION, SLOT, MARK = (
    f"skp.deployment{end}" for end in ("", ".copy", ".part", ".revision", ".slot", ".mark")
)
"""Labels of a service. The mark is a keyed hash of the others: an image's labels, and whoever may
make a service without the cluster's key, can't imitate it."""


@dataclass(frozen=True)
class Piece:
    """What one service of the Swarm is of a deployment.

    Attributes:
        copy: from 0 on. part: the container's name.
        slot: 0 or 1: of two that are the same but for their revision, one serves, and the other
            is to take its place.
    """

    project: str
    deployment: str
    copy: int
    part: str
    slot: int = 0

    @property
    def of(self) -> str:
        """The deployment that it is of."""
        return f"{self.project}/{self.deployment}"

    @property
    def name(self) -> str:
        """The service's name."""
        full = f"{self.project}_{self.deployment}-{self.copy}_{self.part}"
        full += "_2" if self.slot else ""
        if len(full) <= _LONGEST:
            return full
        return f"{full[:_KEPT].rstrip('-_')}_{hashlib.sha256(full.encode()).hexdigest()[:20]}"

    def port(self, port: Port) -> str:
        """Return what the ledger calls a port of it: "COPY/PART/PORT/PROTOCOL"."""
        return f"{self.copy}/{self.part}/{port.port}/{port.protocol}"

    def labels(self, revision: int, key: Secret) -> dict[str, str]:
        """Return the service's labels."""
        said = {
            DEPLOYMENT: self.of,
            COPY: str(self.copy),
            PART: self.part,
            REVISION: str(revision),
        }
        said |= {SLOT: str(self.slot)} if self.slot else {}
        return said | {MARK: _mark(said, key)}


def pieces(
    wanted: Deployment, project: str, slots: Mapping[str, int] = MappingProxyType({})
) -> Iterator[tuple[Piece, Part]]:
    """Yield what services a deployment is: for each copy all of its containers.

    Args:
        slots: by container's name; those that are missing have the first.
    """
    for copy in range(wanted.replicas):
        for part in wanted.parts:
            slot = slots.get(part.name, 0)
            yield Piece(project, wanted.name, copy, part.name, slot), part


def recognised(labels: Mapping[str, str], key: Secret) -> Piece | None:
    """Return what a service is, by its labels; None for one that is not ours."""
    further = (SLOT,) if SLOT in labels else ()
    said = _verified(labels, (DEPLOYMENT, COPY, PART, REVISION, *further), key)
    if said is None:
        return None
    project, _, deployment = said[DEPLOYMENT].partition("/")
    return Piece(project, deployment, int(said[COPY]), said[PART], int(said.get(SLOT, 0)))


def network(project: str) -> str:
    """Return the name of a project's network."""
    return f"{PROJECTS}{project}"


def door_network(project: str) -> str:
    """Return the name of the network on which the front door reaches what a project has there.

    Nothing on it has a name that a user chose: no deployment can take a page's place.
    """
    return f"{PROJECTS}{project}_door"


def revision(of: str, number: int) -> str:
    """Return the name of the config that has a revision of a deployment "project/name"."""
    return _short(f"skp_{of.replace('/', '_')}_{number}")


SECRET = "skp.secret"  # noqa: S105 - a label
"""The label of a secret in the Swarm's store: PROJECT/NAME."""
_CONTENT = "skp.secret.content"
"""A label of one that the platform makes: a keyed hash of what is in it."""


@dataclass(frozen=True)
class StoredSecret:
    """A secret of a project, as the Swarm's store has it. It never changes; a new one follows it.

    Attributes:
        number: from 1 on; the highest counts.
        content: a keyed hash of what is in it; "" where the platform does not compare it.
    """

    project: str
    name: str
    number: int
    content: str = ""

    @property
    def stored_as(self) -> str:
        """Its name in the store."""
        return _short(f"skp_{self.project}_{self.name}_{self.number}")

    def labels(self, key: Secret) -> dict[str, str]:
        """Return its labels."""
        said = {SECRET: f"{self.project}/{self.name}", REVISION: str(self.number)}
        return said | ({_CONTENT: self.content} if self.content else {}) | {MARK: _mark(said, key)}


def recognised_secret(labels: Mapping[str, str], key: Secret) -> StoredSecret | None:
    """Return which secret it is, by its labels; None for one that is not ours."""
    said = _verified(labels, (SECRET, REVISION), key)
    if said is None:
        return None
    project, _, name = said[SECRET].partition("/")
    return StoredSecret(project, name, int(said[REVISION]), labels.get(_CONTENT, ""))


_HELD = "skp.held"
"""The label of a placeholder: the id of its node."""


def name_of_placeholder(node: str) -> str:
    """Return the name of a node's placeholder; no deployment's service has two of these."""
    return f"skp__{node}"


def marked_as_holding(node: str, key: Secret) -> dict[str, str]:
    """Return the labels of the placeholder of a node, by its id."""
    return {_HELD: node, MARK: _mark({_HELD: node}, key)}


def held_by(labels: Mapping[str, str], key: Secret) -> str:
    """Return the id of the node whose placeholder it is, by its labels; "" for none of ours."""
    said = _verified(labels, (_HELD,), key)
    return said[_HELD] if said else ""


def _short(full: str) -> str:
    if len(full) <= _LONGEST:
        return full
    return f"skp_{hashlib.sha256(full.encode()).hexdigest()[:40]}"


def _verified(
    labels: Mapping[str, str], wanted: Iterable[str], key: Secret
) -> dict[str, str] | None:
    """Return these labels; None where one is missing, or the mark is not theirs."""
    said = {label: labels.get(label, "") for label in wanted}
    fits = all(said.values()) and Secret(labels.get(MARK, "")) == Secret(_mark(said, key))
    return said if fits else None


def _mark(said: Mapping[str, str], key: Secret) -> str:
    return Secret("\n".join(f"{k}={v}" for k, v in sorted(said.items()))).fingerprint(key)
