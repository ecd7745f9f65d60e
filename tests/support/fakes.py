"""Fake nodes: real `Node`, `Fleet` and `Engine` objects over a connection that is a script.

A test scripts what the node answers, runs the code, and compares `connection.wire`, which holds
every shell command and every request to the engine in the order in which they were sent:

    c01 = FakeConnection("c01")
    c01.on("POST /containers/x/start", reply(status=204))
    c01.on_run("rm -rf", done())
    ...
    assert c01.wire == ["POST /containers/x/start", "run: sudo -n sh -c 'rm -rf /x'"]

What no script covers raises UnscriptedError, which names it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from cluster.config.inventory import Host
from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.deadlines import Deadlines
from cluster.errors import NodeError
from tests.support.fake_connection import FakeConnection, Ran, Request, UnscriptedError, done
from tests.support.fake_http import Reply, content, events, frames, half, refusal, reply
from tests.support.wire import golden

__all__ = [
    "SHORT",
    "FakeConnection",
    "FakeFleet",
    "Ran",
    "Reply",
    "Request",
    "UnscriptedError",
    "content",
    "done",
    "events",
    "fake_fleet",
    "fake_host",
    "fake_node",
    "frames",
    "golden",
    "half",
    "refusal",
    "reply",
]

# Seconds. What is waited for in a loop has the shortest; the others are what a busy machine keeps.
SHORT = replace(Deadlines().capped(20), swarm=0.2, healthy=0.2, busy=0.2, settled=0.2)


def fake_host(name: str, *groups: str, number: int = 1) -> Host:
    """Return a host of the inventory with the address 10.0.0.NUMBER and no labels."""
    return Host(name, f"10.0.0.{number}", (), frozenset(groups or ("worker",)))


def fake_node(
    connection: FakeConnection, host: Host | None = None, deadlines: Deadlines = SHORT
) -> Node:
    """Return a real node over `connection`."""
    return Node(host or fake_host(connection.name), connection, deadlines)


class FakeFleet(Fleet):
    """A real fleet whose nodes were not connected to but given.

    Attributes:
        connections: of each host, also of one that is not reachable.
        wire: the lines of all nodes, each with the node's name in front.
        again: connections that `reconnect` finds, by node; other nodes can't be reached again.
    """

    def __init__(
        self, hosts: Iterable[Host], unreachable: Iterable[str] = (), deadlines: Deadlines = SHORT
    ) -> None:
        """Make a node of every host; those of `unreachable` are as if they did not answer."""
        self.hosts = tuple(hosts)
        self.deadlines = deadlines
        self.wire: list[str] = []
        self.connections = {h.name: FakeConnection(h.name, self.wire) for h in self.hosts}
        self.again: dict[str, FakeConnection] = {}
        self._making, self._shared = threading.Lock(), {}
        self._connect = partial(self._find_again)
        self.unreachable = {name: NodeError(name, "can't be reached") for name in unreachable}
        self.nodes = {
            host.name: fake_node(self.connections[host.name], host, deadlines)
            for host in self.hosts
            if host.name not in self.unreachable
        }

    def _find_again(self, host: Host) -> Node:
        if host.name not in self.again:
            raise NodeError(host.name, "can't be reached")
        return fake_node(self.again[host.name], host, self.deadlines)


def fake_fleet(*names: str, unreachable: Iterable[str] = ()) -> FakeFleet:
    """Return a fleet of hosts by name, all managers and the first the master."""
    hosts = [
        fake_host(name, "manager", *(() if number else ("master",)), number=number + 1)
        for number, name in enumerate(names)
    ]
    return FakeFleet(hosts, unreachable)
