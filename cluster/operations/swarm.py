"""Operations on the Swarm's members: begin it, join, wait, sweep what interrupted joins left."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import docker.errors

from cluster.config.secrets import Secret
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.item import Action, Kind
from cluster.model.state import moment
from cluster.operations.base import Context, Operation
from cluster.operations.swarm_entry import forget

_PAUSE = 0.1  # seconds between two looks at something that is about to change
_JOINING = 10.0  # seconds; a join takes less than two until the managers know the node's name


@dataclass(frozen=True)
class InitSwarm(Operation):
    """Begin the Swarm on the master."""

    node: str
    name: str = "swarm"
    kind, action = Kind.SWARM, Action.INIT

    def execute(self, context: Context) -> str:
        """Begin it, at the node's own address."""
        node = self.node_in(context)
        with node.talking("beginning the Swarm", seconds=node.deadlines.swarm) as engine:
            engine.init_swarm(advertise_addr=node.host.ipv4)
        return ""


@dataclass(frozen=True)
class JoinSwarm(Operation):
    """Make a node a member of the Swarm.

    Attributes:
        name: the role that it is to have, manager or worker.
        via: the manager that is asked to forget what the node left behind.
        managers: addresses with ports of managers, of which one lets it in.
        token: what lets it in, in this role.
        stale: ids of the entries that the node left behind when it was reinstalled.
    """

    node: str
    name: str
    via: str
    managers: tuple[str, ...]
    token: Secret
    stale: tuple[str, ...] = ()
    kind, action = Kind.SWARM, Action.JOIN

    def execute(self, context: Context) -> str:
        """Have its dead entries forgotten first: a name that is there twice confuses managers."""
        for stale in self.stale:
            forget(context.fleet.nodes[self.via], stale)
        node = self.node_in(context)
        with node.talking("joining the Swarm", seconds=node.deadlines.swarm) as engine:
            engine.join_swarm(
                remote_addrs=list(self.managers),
                join_token=self.token.reveal(),
                advertise_addr=node.host.ipv4,
            )
        return "after its dead entry was removed" if self.stale else ""


@dataclass(frozen=True)
class WaitForMember(Operation):
    """Wait until a member whose engine has just started has found the managers again.

    Attributes:
        hint: what to type when it does not.
    """

    node: str
    name: str
    hint: str
    kind, action = Kind.SWARM, Action.WAIT

    @property
    def changes(self) -> bool:
        """It only looks."""
        return False

    @property
    def needs_lock(self) -> bool:
        """It only looks."""
        return False

    def execute(self, context: Context) -> str:
        """Ask the node's engine until it is a member that works."""
        node = self.node_in(context)
        end = time.monotonic() + node.deadlines.swarm
        with node.talking("waiting for it to come back into the Swarm") as engine:
            while (state := engine.info()["Swarm"]["LocalNodeState"]) != "active":
                if state != "pending" or time.monotonic() > end:
                    raise NodeError(node.name, f"its Swarm membership stays {state}", self.hint)
                time.sleep(_PAUSE)
        return "it came back into the Swarm"


@dataclass(frozen=True)
class SweepJoins(Operation):
    """Remove what joins left in the Swarm whose machine went off meanwhile.

    Attributes:
        node: the manager that is asked.
        stale: the ids of the entries.
    """

    node: str
    stale: tuple[str, ...]
    name: str = "interrupted joins"
    kind, action = Kind.SWARM, Action.REMOVE

    @property
    def is_removal(self) -> bool:
        """It goes before what may come in their place."""
        return True

    def execute(self, context: Context) -> str:
        """Remove the entries that have been silent for too long to be of joins that go on."""
        via = self.node_in(context)
        for ident in self.stale:
            if _silent(via, ident):
                forget(via, ident)
        return ""


def _silent(via: Node, node_id: str) -> bool:
    """Wait until an entry is too old for a join; tell whether its node still has no name.

    An entry that is gone needs no removal.
    """
    end = time.monotonic() + via.deadlines.swarm
    doing = "looking at an interrupted join"
    with via.talking(doing) as engine, suppress(docker.errors.NotFound):
        while time.monotonic() < end:
            entry, now = engine.inspect_node(node_id), engine.info()["SystemTime"]
            if entry["Description"].get("Hostname"):
                return False
            if moment(now) - moment(entry["CreatedAt"]) > _JOINING:
                return True
            time.sleep(_PAUSE)
    return False
