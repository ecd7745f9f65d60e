"""Operations on the Swarm's entry of a node: its labels, role and availability.

A manager changes them, each by compare-and-swap.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import docker.errors

from cluster.connectors.node import Node
from cluster.errors import DeadlineError
from cluster.model.item import Action, Difference, Kind
from cluster.model.state import LABEL_OWNED
from cluster.operations.base import Context, Operation

Change = Callable[[dict[str, Any]], None]
_PAUSE = 0.1  # seconds between two looks at something that is about to change


class EntryOperation(Operation):
    """An operation on the entry of `node`.

    Attributes:
        node_id: the id of the entry.
        via: the manager that changes it.
    """

    kind = Kind.SWARM
    node_id: str
    via: str

    @property
    def performer(self) -> str:
        """One manager changes all entries, one after another."""
        return self.via

    @abstractmethod
    def change(self, spec: dict[str, Any]) -> None:
        """Change the specification of the node."""

    def execute(self, context: Context) -> str:
        """Change the entry, and say so when that took several attempts."""
        attempts = change_entry(context.fleet.nodes[self.via], self.node_id, self.change)
        return f"written at attempt {attempts}" if attempts > 1 else ""


@dataclass(frozen=True)
class SetLabels(EntryOperation):
    """Give a node the labels that the inventory says; labels that are not ours stay.

    Attributes:
        owned: which labels are ours from then on, comma-separated.
    """

    node: str
    node_id: str
    via: str
    owned: str
    differences: tuple[Difference, ...] = ()
    name: str = "labels"
    action = Action.LABEL

    def change(self, spec: dict[str, Any]) -> None:
        """Set what differs, and take away what is no longer wanted."""
        labels: dict[str, str] = dict(spec.get("Labels") or {})
        for difference in self.differences:
            if difference.wanted is None:
                labels.pop(difference.name, None)
            else:
                labels[difference.name] = str(difference.wanted)
        labels[LABEL_OWNED] = self.owned
        spec["Labels"] = labels


@dataclass(frozen=True)
class SetRole(EntryOperation):
    """Make a member a manager or a worker, as `name` says."""

    node: str
    name: str
    node_id: str
    via: str
    differences: tuple[Difference, ...] = ()
    action = Action.ROLE

    def change(self, spec: dict[str, Any]) -> None:
        """Set the role."""
        spec["Role"] = self.name


@dataclass(frozen=True)
class DrainNode(EntryOperation):
    """Have a node run nothing."""

    node: str
    node_id: str
    via: str
    name: str = "availability"
    action = Action.DRAIN

    def change(self, spec: dict[str, Any]) -> None:
        """Set the availability."""
        spec["Availability"] = "drain"


@dataclass(frozen=True)
class ActivateNode(EntryOperation):
    """Have a drained node run what it is to run again."""

    node: str
    node_id: str
    via: str
    name: str = "availability"
    action = Action.ACTIVATE

    def change(self, spec: dict[str, Any]) -> None:
        """Set the availability."""
        spec["Availability"] = "active"


def demote(via: Node, node_id: str) -> None:
    """Make a manager a worker, as far as the other managers are concerned."""

    def change(spec: dict[str, Any]) -> None:
        spec["Role"] = "worker"

    change_entry(via, node_id, change)


def forget(via: Node, node_id: str) -> None:
    """Remove the entry of a machine that was reinstalled, has left, or never came to join.

    One that is gone already is what was wanted.
    A manager is demoted first; but not one that never got into raft, which the engine refuses.
    """
    end = time.monotonic() + via.deadlines.swarm
    demoted = False
    with via.talking("removing a dead entry of the Swarm") as engine:
        while True:
            try:
                engine.remove_node(node_id, force=True)
                return
            except docker.errors.NotFound:
                return
            except docker.errors.APIError:
                # A manager that was just demoted leaves raft first; until then it can't go.
                if time.monotonic() > end:
                    raise
            if not demoted:
                demote(via, node_id)
                demoted = True
            time.sleep(_PAUSE)


def change_entry(via: Node, node_id: str, change: Change) -> int:
    """Change a Swarm node's specification by compare-and-swap; return how often it was tried.

    A node that has just joined is still being written by the managers themselves; the engine then
    refuses with "update out of sequence". So: read again, and retry while the version moves.
    """
    end = time.monotonic() + via.deadlines.swarm
    with via.talking("changing a Swarm node") as engine:
        attempt = 1
        while True:
            current: Mapping[str, Any] = engine.inspect_node(node_id)
            version, spec = current["Version"]["Index"], dict(current["Spec"])
            change(spec)
            try:
                engine.update_node(node_id, version, cast("Any", spec))
                return attempt
            except docker.errors.APIError:
                if engine.inspect_node(node_id)["Version"]["Index"] == version:
                    raise
            if time.monotonic() > end:
                raise DeadlineError(via.name, f"the entry of {node_id} does not come to rest")
            attempt += 1
