"""What a command is about, and what is wanted of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cluster.model.decisions import Table
from cluster.model.service import Cluster, Service
from cluster.operations.dispatch import Busy
from cluster.plan.swarm import Part


class Wish(StrEnum):
    """What is wanted of the chosen services."""

    AS_LABELLED = "as labelled"  # apply: held services are left alone
    UP = "up"  # -run: no longer held, nor pinned
    DOWN = "down"  # -rm: removed, and held
    BACK = "back"  # rollback: the image that ran before, until the next -run


@dataclass(frozen=True)
class Scope:
    """What a command is about.

    Attributes:
        command: its name, for the lock and the audit trail.
        parts: parts of the Swarm. services: services of the catalogue.
        nodes: names of the nodes that may be changed.
        options: settings that `-run` was given, and that are remembered.
        pins: for a rollback: service to image to the digest that is wanted; see `settled`.
        busy: what is done about a container that is at work when it is to be replaced.
    """

    command: str
    nodes: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    services: tuple[Service, ...] = ()
    wish: Wish = Wish.AS_LABELLED
    dry: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    pins: Table = field(default_factory=dict)
    busy: Busy = Busy.SKIP


def covers(cluster: Cluster, scope: Scope, service: Service) -> bool:
    """Whether `scope` has all nodes that `service` runs on: only then is a wish remembered."""
    return all(host.name in scope.nodes for host in service.hosts(cluster))
