"""A Swarm as its managers show it: specifications with versions, members that come and go."""

from __future__ import annotations

import itertools
from typing import Any

from tests.support.fake_connection import FakeConnection, Request
from tests.support.fake_http import Reply, refusal, reply
from tests.support.fakes import FakeFleet

_RAFT = "node is a cluster manager and is a member of the raft cluster"
NEW = "2026-11-28T10:00:00.123456789Z"
"""When all entries were made."""


class FakeSwarm:
    """What the managers of a fleet answer, all the same, and what each node knows of itself.

    Attributes:
        labels: of the Swarm's own specification.
        entries: what the engine would return on inspection of a node, by id.
        slow: how many more looks find a node the manager that it was before it was demoted.
        now: the engines' time.
        states: each node's own view of its membership, by the node's name.
    """

    def __init__(self, fleet: FakeFleet) -> None:
        """Have all nodes of the fleet answer; all are members that work."""
        self.labels: dict[str, str] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        self.slow = 1
        self.now = "2026-11-28T10:00:20.123456789Z"
        self.states = dict.fromkeys(fleet.connections, "active")
        self._version = 5
        self._versions = itertools.count(100)
        self._raft: dict[str, int] = {}
        for connection in fleet.connections.values():
            self._serve(connection)

    def add(self, identity: str, name: str, role: str) -> None:
        """Have an entry for a member."""
        self.entries[identity] = {
            "ID": identity,
            "Version": {"Index": next(self._versions)},
            "CreatedAt": NEW,
            "Spec": {"Role": role, "Availability": "active", "Labels": {}},
            "Description": {"Hostname": name},
        }

    def touch(self, identity: str = "") -> None:
        """Have somebody else write an entry, or without one the Swarm's specification."""
        if identity:
            self.entries[identity]["Version"]["Index"] = next(self._versions)
        else:
            self._version = next(self._versions)

    def _serve(self, connection: FakeConnection) -> None:
        name = connection.name
        connection.on("GET /swarm", self._inspect)
        connection.on("POST /swarm/update", self.update)
        connection.on("POST /swarm/init", reply("id"))
        connection.on("POST /swarm/join", lambda _: self._become(name, "active"))
        connection.on("POST /swarm/leave", lambda _: self._become(name, "inactive"))
        connection.on("GET /nodes/*", self._inspect_node)
        connection.on("POST /nodes/*/update", self.update_node)
        connection.on("DELETE /nodes/*", self._remove_node)
        connection.on("GET /info", lambda _: self._info(name))

    def _become(self, name: str, state: str) -> Reply:
        self.states[name] = state
        return reply()

    def _inspect(self, _request: Request) -> Reply:
        spec = {"Name": "default", "Labels": self.labels, "Raft": {"ElectionTick": 10}}
        return reply({"ID": "swarm", "Version": {"Index": self._version}, "Spec": spec})

    def update(self, request: Request) -> Reply:
        """Answer POST /swarm/update."""
        if not request.path.endswith(f"version={self._version}"):
            return refusal(500, "rpc error: code = Unknown desc = update out of sequence")
        self.labels = request.body["Labels"]
        self.touch()
        return reply()

    def _inspect_node(self, request: Request) -> Reply:
        found = self.entries.get(_ident(request))
        return reply(found) if found else refusal(404, "node not found")

    def update_node(self, request: Request) -> Reply:
        """Answer POST /nodes/ID/update."""
        identity = _ident(request)
        entry = self.entries.get(identity)
        if entry is None:
            return refusal(404, "node not found")
        if not request.path.endswith(f"version={entry['Version']['Index']}"):
            return refusal(500, "rpc error: code = Unknown desc = update out of sequence")
        if entry["Spec"]["Role"] == "manager" and request.body["Role"] == "worker":
            self._raft[identity] = self.slow
        entry["Spec"] = request.body
        self.touch(identity)
        return reply()

    def _remove_node(self, request: Request) -> Reply:
        identity = _ident(request)
        if identity not in self.entries:
            return refusal(404, "node not found")
        if self._rules(identity):
            return refusal(400, f"rpc error: code = FailedPrecondition desc = {_RAFT}")
        del self.entries[identity]
        return reply()

    def _rules(self, identity: str) -> bool:
        """Whether a node is a manager, or still is one after it was demoted."""
        if self.entries[identity]["Spec"]["Role"] == "manager":
            return True
        self._raft[identity] = self._raft.get(identity, 0) - 1
        return self._raft[identity] >= 0

    def _info(self, name: str) -> Reply:
        theirs = [i for i, e in self.entries.items() if e["Description"].get("Hostname") == name]
        control = any(self._rules(identity) for identity in theirs)
        swarm = {"LocalNodeState": self.states[name], "ControlAvailable": control}
        return reply({"Name": name, "Swarm": swarm, "SystemTime": self.now})


def _ident(request: Request) -> str:
    return request.path.partition("?")[0].split("/")[2]
