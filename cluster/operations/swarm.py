"""Operations on the Swarm's members: begin the Swarm, join it, wait, remove interrupted joins."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import docker.errors

from cluster.config.secrets import Secret
from cluster.connectors.node import Node
from cluster.errors import NodeError
from cluster.model.decisions import LABEL_LAYOUT, NEW
from cluster.model.item import Action, Kind
from cluster.model.state import DATA_PORT, moment
from cluster.operations.base import Context, Operation
from cluster.operations.swarm_entry import forget

_PAUSE = 0.1  # seconds between two requests while something is about to change
SWARM_PORT = 2377
_JOINING = 10.0  # seconds; the managers know a joining node's name in less than two


def _listen_address(node: Node) -> str:
    """Return where Swarm listens on a node: at its own address alone, the gossip's port (7946) too.

    The kernel takes the overlay's packets (SKP_NET_PORT) at all addresses whatever is said to the
    engine: that is left to the firewall.
    """
    return f"{node.host.ipv4}:{SWARM_PORT}"


@dataclass(frozen=True)
class InitSwarm(Operation):
    """Begin the Swarm on the master.

    Attributes:
        data_port: the UDP port of the overlay's packets, for as long as the Swarm lives.
    """

    node: str
    data_port: int = DATA_PORT
    name: str = "swarm"
    kind, action = Kind.SWARM, Action.INIT

    def execute(self, context: Context) -> str:
        """Begin it, at the node's own address."""
        node = self.node_in(context)
        with node.talking("beginning the Swarm", seconds=node.deadlines.swarm) as engine:
            engine.init_swarm(
                listen_addr=_listen_address(node),
                advertise_addr=node.host.ipv4,
                data_path_addr=node.host.ipv4,
                data_path_port=self.data_port,
                swarm_spec={"Labels": {LABEL_LAYOUT: NEW}},
            )
        return ""


@dataclass(frozen=True)
class JoinSwarm(Operation):
    """Make a node a member of the Swarm.

    Attributes:
        name: the role that it is to have, manager or worker.
        via: the manager that removes the stale entries.
        managers: addresses with ports of managers, one of which lets the node in.
        token: the join token of this role.
        stale: ids of entries that the node has left in the Swarm since before a reinstallation.
    """

    node: str
    name: str
    via: str
    managers: tuple[str, ...]
    token: Secret
    stale: tuple[str, ...] = ()
    kind, action = Kind.SWARM, Action.JOIN

    def execute(self, context: Context) -> str:
        """Remove its stale entries, since managers confuse two of one name, and join."""
        for stale in self.stale:
            forget(context.fleet.nodes[self.via], stale)
        node = self.node_in(context)
        with node.talking("joining the Swarm", seconds=node.deadlines.swarm) as engine:
            engine.join_swarm(
                remote_addrs=list(self.managers),
                join_token=self.token.reveal(),
                listen_addr=_listen_address(node),
                advertise_addr=node.host.ipv4,
                data_path_addr=node.host.ipv4,
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
        """Never: it only waits."""
        return False

    @property
    def needs_lock(self) -> bool:
        """Never: it only waits."""
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
    """Remove entries of joins that were interrupted when their machine went off.

    Attributes:
        node: the manager that removes them.
        stale: the ids of the entries.
    """

    node: str
    stale: tuple[str, ...]
    name: str = "interrupted joins"
    kind, action = Kind.SWARM, Action.REMOVE

    @property
    def is_removal(self) -> bool:
        """Always: it comes before joins that may take the entries' place."""
        return True

    def execute(self, context: Context) -> str:
        """Remove the entries that are too old to belong to a join that goes on."""
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
