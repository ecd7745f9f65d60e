"""The cluster as a picture shows it: nodes, what runs on them, what the plan would change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cluster.commands.status import Row, rows
from cluster.connectors.fleet import Fleet
from cluster.facts.hardware import Hardware, hardware
from cluster.model.cluster import View
from cluster.model.item import Item
from cluster.model.service import Service
from cluster.model.state import State


class Mood(StrEnum):
    """How a container or a node is, in one word."""

    GOOD = "works"
    STARTING = "starting"
    BAD = "does not work"
    MISSING = "missing"
    UNKNOWN = "not known"
    AWAY = "held"


@dataclass(frozen=True)
class Box:
    """A container, wanted or there.

    Attributes:
        state: the engine's word, or "missing". image: without the registry's address.
        started, created: RFC 3339 times of its start and of its image; "" if not known.
        ports: "8010/tcp". plan: what the plan would do to it; "" for nothing.
    """

    node: str
    name: str
    service: str
    mood: Mood
    state: str
    image: str = ""
    started: str = ""
    created: str = ""
    ports: tuple[str, ...] = ()
    plan: str = ""


@dataclass(frozen=True)
class Place:
    """A node with what is on it.

    Attributes:
        why: why it can't be asked; "" if it can.
        memory, disk, free: bytes; 0 if not known.
        plan: what the plan would do to the node itself.
    """

    name: str
    address: str
    role: str
    mood: Mood
    state: str
    engine: str = ""
    why: str = ""
    cores: int = 0
    memory: int = 0
    disk: int = 0
    free: int = 0
    gpus: str = ""
    labels: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    plan: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """All that is drawn.

    Attributes:
        networks: name, subnet, and what is to be said of it.
        volumes: folder, and the services that use it.
        changes: what the plan would do: node, name, and the word for it.
        warnings: what a person should know.
    """

    places: tuple[Place, ...]
    networks: tuple[tuple[str, str, str], ...] = ()
    volumes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = field(default=())


def draw(
    view: View,
    fleet: Fleet,
    services: Sequence[Service],
    nodes: Sequence[str],
    items: Iterable[Item],
) -> Chart:
    """Return the chart of `nodes`; asks them what they have.

    Args:
        items: those of the plan.
    """
    state = view.state
    images = {
        name: frozenset(c.image for c in found.containers.values() if c.service)
        for name, found in state.nodes.items()
    }
    asked = fleet.each(lambda node: hardware(node, images.get(node.name, frozenset())))
    node_rows, containers = rows(view.cluster, state, services, nodes)
    changes = tuple((i.node, i.name, i.verb) for i in items if i.is_action and i.changes)
    boxes = [_box(row, state, asked.values, changes) for row in containers]
    places = tuple(_place(row, view, asked.values, boxes, changes) for row in node_rows)
    return Chart(places, tuple(_networks(state)), tuple(_volumes(view, services)), changes)


def _box(
    row: Row,
    state: State,
    made_of: Mapping[str, Hardware],
    changes: Sequence[tuple[str, str, str]],
) -> Box:
    node, name = row["node"], row["container"]
    found = state.nodes[node].containers.get(name) if node in state.nodes else None
    created = made_of[node].created if node in made_of else {}
    return Box(
        node,
        name,
        (found.service or "") if found else "",
        _mood(row),
        row["health"] if row["found"] == "running" and row["health"] != "none" else row["found"],
        row["image"],
        row["started"],
        created.get(found.image, "") if found else "",
        found.ports if found else (),
        next((verb for where, what, verb in changes if (where, what) == (node, name)), ""),
    )


def _mood(row: Row) -> Mood:
    if row["found"] == "unreachable":
        return Mood.UNKNOWN
    if row["found"] == "missing":
        return Mood.AWAY if row["wanted"] in ("held", "drained") else Mood.MISSING
    if row["ok"] == "yes":
        return Mood.GOOD
    return Mood.STARTING if row["health"] == "starting" else Mood.BAD


def _place(
    row: Row,
    view: View,
    made_of: Mapping[str, Hardware],
    boxes: Iterable[Box],
    changes: Iterable[tuple[str, str, str]],
) -> Place:
    name, state = row["node"], view.state
    own, found = made_of.get(name, Hardware()), state.nodes.get(name)
    mine = tuple(box for box in boxes if box.node == name)
    drawn = {box.name for box in mine}
    why = state.unreachable[name].what if name in state.unreachable else ""
    mood = Mood.UNKNOWN if why else (Mood.AWAY if "drained" in row["state"] else Mood.GOOD)
    return Place(
        name,
        view.cluster.inventory.host(name).ipv4,
        row["role"],
        Mood.BAD if row["state"] == "down" else mood,
        row["state"],
        row["engine"],
        why,
        own.cores,
        found.memory if found else 0,
        own.disk,
        own.free,
        row["gpus"],
        tuple(row["labels"].split(",")) if row["labels"] else (),
        mine,
        tuple(f"{verb} {what}" for at, what, verb in changes if at == name and what not in drawn),
    )


def _networks(state: State) -> Iterator[tuple[str, str, str]]:
    for name, subnet in sorted(state.swarm.networks.items()) if state.swarm else ():
        encrypted = state.swarm is not None and name in state.swarm.encrypted
        yield name, subnet, "encrypted between nodes" if encrypted else "not encrypted"


def _volumes(view: View, services: Iterable[Service]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the folders that containers mount, with the services that do."""
    users: dict[str, set[str]] = {}
    for service in services:
        for container in service.containers(view.cluster, view.state):
            for mount in container.mounts:
                users.setdefault(mount.source, set()).add(service.name)
    for folder, names in sorted(users.items()):
        yield folder, tuple(sorted(names))
