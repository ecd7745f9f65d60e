"""A Swarm's store of config objects, shared by several fake managers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from tests.support.fakes import FakeConnection, Reply, Request, refusal, reply


class FakeConfigs:
    """Config objects with versions, changed by compare-and-swap as the managers do it.

    Attributes:
        objects: what the engine would return on inspection, by id.
    """

    def __init__(self, *managers: FakeConnection) -> None:
        """Have these managers answer for the store."""
        self.objects: dict[str, dict[str, Any]] = {}
        self._index = itertools.count(10)
        for manager in managers:
            manager.on("GET /configs", lambda _: reply(list(self.objects.values())))
            manager.on("GET /configs/*", self.inspect)
            manager.on("POST /configs/create", self.create)
            manager.on("POST /configs/*/update", self.update)

    def put(self, name: str, labels: Mapping[str, str]) -> None:
        """Create or change an object, as a command on another machine would."""
        found = self.objects.get(f"id-{name}")
        if found is None:
            self._store(name, labels)
        else:
            found["Spec"]["Labels"] = dict(labels)
            found["Version"] = {"Index": next(self._index)}

    def labels(self, name: str) -> Mapping[str, str]:
        """Return the labels of an object; raises KeyError."""
        labels: Mapping[str, str] = self.objects[f"id-{name}"]["Spec"]["Labels"]
        return labels

    def inspect(self, request: Request) -> Reply:
        """Answer GET /configs/ID."""
        found = self.objects.get(request.path.split("/")[2])
        return reply(found) if found else refusal(404, "config not found")

    def create(self, request: Request) -> Reply:
        """Answer POST /configs/create."""
        name = request.body["Name"]
        if f"id-{name}" in self.objects:
            return refusal(409, f"config {name} already exists")
        return reply({"ID": self._store(name, request.body["Labels"])}, 201)

    def update(self, request: Request) -> Reply:
        """Answer POST /configs/ID/update?version=N."""
        path, _, version = request.path.partition("?version=")
        found = self.objects[path.split("/")[2]]
        if found["Version"]["Index"] != int(version):
            return refusal(500, "rpc error: code = Unknown desc = update out of sequence")
        self.put(request.body["Name"], request.body["Labels"])
        return reply()

    def _store(self, name: str, labels: Mapping[str, str]) -> str:
        ident = f"id-{name}"
        spec = {"Name": name, "Labels": dict(labels)}
        self.objects[ident] = {"ID": ident, "Version": {"Index": next(self._index)}, "Spec": spec}
        return ident
