"""Moving deployments off a node that goes on: what can go elsewhere does, the rest is named."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any

from cluster.errors import ConfigError, nearest
from workloads.needs import Needs, needed
from workloads.phases import RUNNING, Row, constraints, rows
from workloads.places import Place, places
from workloads.store import ChangedError, Found, Store
from workloads.waiting import WENT_BACK

_PAUSE = 0.5  # seconds between two looks
_TRIES = 5  # to write a node's entry
ACTIVE, PAUSED = "active", "pause"


@dataclass(frozen=True)
class Moving:
    """What becomes of a node's containers.

    Attributes:
        go: the services that go elsewhere. stays: by service's name, why it does not.
    """

    go: tuple[Found, ...]
    stays: Mapping[str, str]


def plan(store: Store, node: str, names: Sequence[str]) -> Moving:
    """Return what would go from a node, and what would not.

    Args:
        names: the inventory's.

    Raises:
        ConfigError: the Swarm has no such node.
    """
    tasks, nodes, services = store.tasks(), store.nodes(), store.services()
    where = places(nodes, tasks, names)
    if node not in where:
        raise _no_such(node, list(where))
    by_name = {found.piece.name: found for found in services}
    go, stays, taken = list[Found](), dict[str, str](), dict[str, Needs]()
    for row in rows(services, tasks, nodes, names):
        if row.node == node:
            found = by_name[row.piece.name]
            target, why = _target(found.spec["TaskTemplate"], node, where, taken)
            if target:
                needs = needed(found.spec["TaskTemplate"])
                taken[target] = taken.get(target, Needs()) + needs
                go.append(found)
            else:
                stays[row.piece.name] = why
    return Moving(tuple(go), stays)


def _target(
    template: Mapping[str, Any], node: str, where: Mapping[str, Place], taken: Mapping[str, Needs]
) -> tuple[str, str]:
    """Return a node that has a place for a service; else "" and why there is none."""
    labels, held = constraints(template)
    if held:
        return "", f"it is bound to {node}"
    needs, why = needed(template), list[str]()
    for name, place in where.items():
        if name != node:
            lacks = list(place.without(taken.get(name, Needs())).lacks(needs, labels))
            if not lacks:
                return name, ""
            why.append(f"{name}: {', '.join(lacks)}")
    return "", "; ".join(why) or "there is no other node"


def move(store: Store, node: str, names: Sequence[str]) -> Moving:
    """Have nothing new begin on a node, and what can go from it begin elsewhere.

    Each service is updated as it says of itself: beside the old container, or after it ended. What
    goes is looked for once nothing can begin there any more, and returned.
    """
    set_available(store, node, PAUSED, names)
    moving = plan(store, node, names)
    for found in moving.go:
        template = dict(found.spec["TaskTemplate"])
        template["ForceUpdate"] = template.get("ForceUpdate", 0) + 1
        # (Whoever else changes it has it begin anew, too: elsewhere.)
        with suppress(ChangedError):
            store.update(found, {**found.spec, "TaskTemplate": template})
    return moving


def set_available(store: Store, node: str, word: str, names: Sequence[str]) -> None:
    """Set whether tasks may begin on a node; one that was drained stays so.

    Raises:
        ConfigError: the Swarm has no such node, or it was drained.
        ChangedError: others change its entry all the time.
    """
    for left in reversed(range(_TRIES)):
        said = entry(store, node, names)
        if said["Spec"].get("Availability") == word:
            return
        try:
            store.update_node(said, {**said["Spec"], "Availability": word})
            return
        except ChangedError:  # (Managers write into it themselves.)
            if not left:
                raise


def entry(store: Store, node: str, names: Sequence[str]) -> Mapping[str, Any]:
    """Return a node's entry in the Swarm.

    Raises:
        ConfigError: there is none, or the node was drained.
    """
    nodes = store.nodes()
    found = places(nodes, (), names).get(node)
    said = next((each for each in nodes if found and each["ID"] == found.id), None)
    if said is None:
        raise _no_such(node, list(places(nodes, (), names)))
    if said["Spec"].get("Availability") == "drain":
        raise ConfigError(f"{node} is drained", f"./skp.py docker.undrain -h {node}")
    return said


def _no_such(node: str, there: Sequence[str]) -> ConfigError:
    what = f"{node}: the Swarm has no such node{nearest(node, there)}"
    return ConfigError(what, f"There are: {', '.join(there)}.")


def wait(
    store: Store, node: str, moving: Moving, names: Sequence[str], seconds: float
) -> list[Row]:
    """Wait until what goes works elsewhere; return what does not: it failed there, or is late.

    The Swarm looks for a time whether it goes on running, and takes it back if it does not.

    Args:
        names: the inventory's. seconds: the deadline.
    """
    ends, going = time.monotonic() + seconds, {found.piece for found in moving.go}
    while True:
        services = store.services()
        found = rows(services, store.tasks(), store.nodes(), names)
        looking = {each.piece for each in services if each.update == "updating"}
        late = [
            row
            for row in found
            if row.piece in going
            and (row.node == node or row.phase != RUNNING or row.piece in looking)
        ]
        back = {each.piece for each in services if each.update in WENT_BACK}
        if all(row.piece in back for row in late) or time.monotonic() > ends:
            return late
        Event().wait(_PAUSE)
