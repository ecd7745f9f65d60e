"""Operations on the Swarm's entry of a node: its labels, role and availability.

A manager changes each by compare-and-swap.
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
_PAUSE = 0.1  # seconds between two requests while something is about to change


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
        """The manager, which changes all entries one after another."""
        return self.via

    @abstractmethod
    def change(self, spec: dict[str, Any]) -> None:
        """Change the specification of the node."""

    def execute(self, context: Context) -> str:
        """Change the entry; return the number of attempts if there were several."""
        attempts = change_entry(context.fleet.nodes[self.via], self.node_id, self.change)
        return f"written at attempt {attempts}" if attempts > 1 else ""


@dataclass(frozen=True)
class SetLabels(EntryOperation):
    """Give a node the labels of the inventory; labels that are not ours stay.

    Attributes:
        owned: the keys of the labels that are ours then, comma-separated.
    """

    node: str
    node_id: str
    via: str
    owned: str
    differences: tuple[Difference, ...] = ()
    name: str = "labels"
    action = Action.LABEL

    def change(self, spec: dict[str, Any]) -> None:
        """Set the labels that differ, and remove those that are no longer wanted."""
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
    """Drain a node: it runs nothing from then on."""

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
    """End the draining of a node."""

    node: str
    node_id: str
    via: str
    name: str = "availability"
    action = Action.ACTIVATE

    def change(self, spec: dict[str, Any]) -> None:
        """Set the availability."""
        spec["Availability"] = "active"


def demote(via: Node, node_id: str) -> None:
    """Make a manager a worker in the Swarm's entry; the node itself learns of it later."""

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
                # A manager that was just demoted can't be removed before it has left raft.
                if time.monotonic() > end:
                    raise
            if not demoted:
                demote(via, node_id)
                demoted = True
            time.sleep(_PAUSE)


def change_entry(via: Node, node_id: str, change: Change) -> int:
    """Change a Swarm node's specification by compare-and-swap; return the number of attempts.

    The managers themselves still write the entry of a node that has just joined; the engine then
    refuses with "update out of sequence". So the entry is read again, and the change tried again,
    as long as its version changes and the deadline has not passed.
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
