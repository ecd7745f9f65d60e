"""Operations that store what a person decided, and the secrets that were generated."""

from __future__ import annotations

import shlex
import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.errors

from cluster.config.secrets import StoredSecrets
from cluster.facts.disk import SECRETS_FILE, SECRETS_MARK, STAMP
from cluster.model.decisions import Decisions
from cluster.model.item import Action, Difference, Item, Kind
from cluster.operations.base import Context, Operation


class DecisionOperation(Operation):
    """A change of what the Swarm remembers, made through the manager `node`."""

    kind = Kind.INTENT

    @abstractmethod
    def decide(self, decisions: Decisions) -> Decisions:
        """Return `decisions` with this one added."""

    def execute(self, context: Context) -> str:
        """Change the Swarm's specification by compare-and-swap."""
        via = self.node_in(context)
        end = time.monotonic() + via.deadlines.swarm
        with via.talking("remembering the intent") as engine:
            while True:
                current = engine.inspect_swarm()
                version, spec = current["Version"]["Index"], dict[str, Any](current["Spec"])
                labels = spec.get("Labels") or {}
                spec["Labels"] = self.decide(Decisions.parse(labels).checked()).dumps(labels)
                try:
                    engine.update_swarm(version, swarm_spec=spec)
                    return ""
                except docker.errors.APIError:
                    moved = engine.inspect_swarm()["Version"]["Index"] != version
                    if not moved or time.monotonic() > end:
                        raise


@dataclass(frozen=True)
class StopService(DecisionOperation):
    """Remember that the service `name` is to stay down."""

    node: str
    name: str
    differences: tuple[Difference, ...] = ()
    action = Action.HOLD

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with the service stopped, without its pins and options."""
        return decisions.stop(self.name)


@dataclass(frozen=True)
class ReleaseService(DecisionOperation):
    """Remember that the service `name`, which was stopped, is wanted again.

    Attributes:
        options: settings that `-run` was given.
    """

    node: str
    name: str
    options: Mapping[str, str]
    differences: tuple[Difference, ...] = ()
    action = Action.RELEASE

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with the service wanted, and these options added."""
        return decisions.run(self.name, self.options)


@dataclass(frozen=True)
class SetOptions(DecisionOperation):
    """Remember what `-run` was given for the service `name`, and that its pins end."""

    node: str
    name: str
    options: Mapping[str, str]
    differences: tuple[Difference, ...] = ()
    action = Action.SET

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with the service wanted, and these options added."""
        return decisions.run(self.name, self.options)


@dataclass(frozen=True)
class PinImages(DecisionOperation):
    """Remember the images that a rollback of the service `name` chose.

    Attributes:
        images: digests by image reference.
    """

    node: str
    name: str
    images: Mapping[str, str]
    differences: tuple[Difference, ...] = ()
    action = Action.PIN

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with these images pinned."""
        return decisions.pin(self.name, self.images)


@dataclass(frozen=True)
class RememberOrdinals(DecisionOperation):
    """Remember further nodes' ordinals of a service; those that are remembered stay.

    Attributes:
        service_name: the service. ordinals: by node.
    """

    node: str
    service_name: str
    ordinals: Mapping[str, str]
    differences: tuple[Difference, ...] = ()
    action = Action.NUMBER

    @property
    def name(self) -> str:
        """The service's name, and the word for what is remembered."""
        return f"{self.service_name} numbers"

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with these ordinals added."""
        return decisions.number(self.service_name, self.ordinals)


@dataclass(frozen=True)
class RememberPlace(DecisionOperation):
    """Remember, before it is made, where a container may be that may be there only once.

    Attributes:
        container: its name. nodes: by name, the ids that they have in the Swarm.
    """

    node: str
    container: str
    nodes: Mapping[str, str]
    differences: tuple[Difference, ...] = ()
    action = Action.RECORD

    @property
    def name(self) -> str:
        """The container's name, and the word for what is remembered."""
        return f"place of {self.container}"

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with these nodes."""
        return decisions.place(self.container, self.nodes)


@dataclass(frozen=True)
class ForgetPlace(DecisionOperation):
    """Remember that such a container is not on a node any more, once it has been removed there.

    Attributes:
        container: its name. left: the node.
    """

    node: str
    container: str
    left: str
    kind, action = Kind.SERVICE, Action.FORGET

    @property
    def name(self) -> str:
        """The container's name, and the word for what is forgotten."""
        return f"{self.left} as place of {self.container}"

    def waits_for(self, removal: Item) -> bool:
        """Whether `removal` is that of the container there."""
        return removal.key == (Kind.CONTAINER, self.left, self.container)

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions without that node."""
        return decisions.leave(self.container, self.left)


@dataclass(frozen=True)
class BeginMove(DecisionOperation):
    """Remember that a person agreed to have the platform's data moved to its own folder."""

    node: str
    name: str = "the move"
    action = Action.BEGIN

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with the move begun."""
        return decisions.move()


@dataclass(frozen=True)
class SettleLayout(DecisionOperation):
    """Remember that data lies in two trees."""

    node: str
    name: str = "two trees"
    action = Action.SET

    @property
    def is_provisional(self) -> bool:
        """Always: what depends on it is planned after it."""
        return True

    def decide(self, decisions: Decisions) -> Decisions:
        """Return the decisions with two trees, and no move."""
        return decisions.settle()


@dataclass(frozen=True)
class SaveSecrets(Operation):
    """Write the generated secrets on a manager, where only root reads them."""

    node: str
    secrets: StoredSecrets
    name: str = "secrets"
    kind, action = Kind.SECRETS, Action.SAVE

    def execute(self, context: Context) -> str:
        """Write them atomically, and then the mark by which others compare them (decision 34)."""
        folder = shlex.quote(str(Path(SECRETS_FILE).parent))
        new, mark = f"{SECRETS_FILE}.new", f"{SECRETS_MARK}.new"
        self.node_in(context).sudo(
            f"install -d -m 0755 {folder} && umask 077 && cat >{new} && sync {new} "
            f"&& mv {new} {SECRETS_FILE} && umask 022 "
            f'&& echo {self.secrets.mark} "$({STAMP} {SECRETS_FILE})" >{mark} '
            f"&& mv {mark} {SECRETS_MARK}",
            stdin=self.secrets.dumps().encode(),
        )
        return ""
