"""Nodes of the Swarm, and why a deployment has, or has no, place there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workloads.needs import GPU, Needs
from workloads.texts import from_bytes

_GONE = ("complete", "failed", "rejected", "shutdown", "orphaned", "remove")


@dataclass(frozen=True)
class Place:
    """A node of the Swarm.

    Attributes:
        trouble: why nothing can run there; "" for nothing.
        has, used: what it has, and what tasks on it reserve.
    """

    id: str
    name: str
    address: str
    labels: Mapping[str, str]
    trouble: str
    has: Needs
    used: Needs

    def without(self, held: Needs) -> Place:
        """Return it with more of it used."""
        return replace(self, used=self.used + held)

    @property
    def free_memory(self) -> int:
        """Bytes that no task has reserved."""
        return self.has.memory - self.used.memory

    def lacks(self, needs: Needs, labels: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Yield why something has no place here."""
        if self.trouble:
            yield self.trouble
        for key, value in labels:
            if self.labels.get(key) != value:
                yield f"its label {key} is {self.labels.get(key, 'not there')}, not {value}"
        for kind, show in (("cpus", "{:g}".format), ("memory", from_bytes), ("gpus", str)):
            has, used, more = (getattr(x, kind) for x in (self.has, self.used, needs))
            if more and used + more > has:
                left = show(max(has - used, 0)) if kind != "cpus" else f"{max(has - used, 0):g}"
                yield f"{kind}: {show(more)} wanted, {left} of {show(has)} left"


def places(
    nodes: Iterable[Mapping[str, Any]],
    tasks: Iterable[Mapping[str, Any]],
    names: Iterable[str] = (),
) -> dict[str, Place]:
    """Return the Swarm's nodes by name, from the engine's answers.

    Args:
        tasks: what they reserve is used.
        names: the inventory's: a machine may call itself with its domain, or in capitals.

    Of a machine that joined anew the Swarm may have its dead entry too: the one that is ready
    counts.
    """
    known = {name.lower(): name for name in names}
    used: dict[str, Needs] = {}
    for task in tasks:
        if task.get("NodeID") and task["Status"]["State"] not in _GONE:
            wanted = (task["Spec"].get("Resources") or {}).get("Reservations") or {}
            used[task["NodeID"]] = used.get(task["NodeID"], Needs()) + _needs(wanted)
    ordered = sorted(nodes, key=lambda node: node["Status"].get("State") == "ready")
    found = (_place(node, used.get(node["ID"], Needs()), known) for node in ordered)
    return {place.name: place for place in sorted(found, key=lambda p: p.name)}


def _place(node: Mapping[str, Any], used: Needs, known: Mapping[str, str]) -> Place:
    spec, status = node["Spec"], node["Status"]
    state, availability = status.get("State", "unknown"), spec.get("Availability", "active")
    trouble = ""
    if state != "ready":
        trouble = f"it is {state}"
    elif availability != "active":
        trouble = f"it is set to {availability}"
    description = node.get("Description") or {}
    own = str(description.get("Hostname", node["ID"]))
    return Place(
        node["ID"],
        known.get(own.lower(), known.get(own.lower().partition(".")[0], own)),
        status.get("Addr", ""),
        spec.get("Labels") or {},
        trouble,
        _needs(description.get("Resources") or {}),
        used,
    )


def _needs(said: Mapping[str, Any]) -> Needs:
    gpus = 0
    for one in said.get("GenericResources") or []:
        if (named := one.get("NamedResourceSpec")) and named.get("Kind") == GPU:
            gpus += 1
        elif (counted := one.get("DiscreteResourceSpec")) and counted.get("Kind") == GPU:
            gpus += int(counted["Value"])
    return Needs(said.get("NanoCPUs", 0) / 1e9, said.get("MemoryBytes", 0), gpus)
