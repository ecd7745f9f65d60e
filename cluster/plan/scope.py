"""The scope of a command: which nodes, parts and services it is about, and its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cluster.model.cluster import Cluster
from cluster.model.decisions import Table
from cluster.model.policy import Busy
from cluster.model.service import Service
from cluster.plan.parts import Part


class Goal(StrEnum):
    """What is wanted of the chosen services."""

    APPLY = "apply"  # apply: stopped services are left alone
    RUN = "run"  # -run: no longer stopped, nor pinned
    REMOVE = "remove"  # -rm: removed, and stopped
    ROLLBACK = "rollback"  # rollback: the image that ran before, until the next -run


@dataclass(frozen=True)
class Scope:
    """What a command is about.

    Attributes:
        command: the command's name, for the lock and the audit trail.
        parts: parts of the Swarm. services: services of the catalogue.
        nodes: names of the nodes that may be changed.
        options: settings that `-run` was given, and that are remembered.
        pins: for a rollback: service to image to the digest that is wanted; see `rollback_scope`.
        busy: what is done about a container that is at work when it is to be replaced.
        renewed: the keys of secrets that are to be generated anew.
        moves: whether a person agreed that data of an earlier version is moved.
    """

    command: str
    nodes: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    services: tuple[Service, ...] = ()
    goal: Goal = Goal.APPLY
    dry: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    pins: Table = field(default_factory=dict)
    busy: Busy = Busy.SKIP
    renewed: frozenset[str] = frozenset()
    moves: bool = False

    @property
    def busy_policy(self) -> Busy:
        """What is done about containers at work: a removal does not spare them."""
        return Busy.REPLACE if self.goal is Goal.REMOVE else self.busy


def covers(cluster: Cluster, scope: Scope, service: Service) -> bool:
    """Whether `scope` has all nodes of `service`: only then is the goal remembered."""
    return all(host.name in scope.nodes for host in service.hosts(cluster))
