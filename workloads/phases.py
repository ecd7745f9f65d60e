"""How a deployment's containers are: one line for each, from services and tasks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workloads.naming import REVISION, Piece
from workloads.needs import GPU, needed
from workloads.places import Place, places
from workloads.store import Found

RUNNING, PENDING, FAILED = "Running", "Pending", "Failed"
_PHASES = {
    **dict.fromkeys(("new", "pending", "assigned", "accepted"), PENDING),
    **dict.fromkeys(("preparing", "ready", "starting"), "Starting"),
    "running": RUNNING,
    **dict.fromkeys(("failed", "rejected", "orphaned"), FAILED),
    **dict.fromkeys(("complete", "shutdown", "remove"), "Ended"),
}


@dataclass(frozen=True)
class Row:
    """A container of a deployment as a person sees it.

    Attributes:
        revision: the container's; 0 for none yet.
        ports: of the node, by the container's.
        gpus: identities. reasons: why it does not run, each a sentence.
        mounts: folders of its node, with where it sees them.
        urls: where it is at the front door, with its port each.
        task: its id; "" for none yet. container: on the node; "" for none yet.
    """

    piece: Piece
    revision: int
    image: str
    node: str
    address: str
    ports: tuple[tuple[int, int], ...]
    gpus: tuple[str, ...]
    phase: str
    reasons: tuple[str, ...] = ()
    task: str = ""
    container: str = ""
    mounts: tuple[tuple[str, str], ...] = ()
    urls: tuple[tuple[int, str], ...] = ()


def rows(
    services: Iterable[Found],
    tasks: Sequence[Mapping[str, Any]],
    nodes: Iterable[Mapping[str, Any]],
    names: Iterable[str] = (),
) -> list[Row]:
    """Return a row for each service, in order of project, deployment, copy and part.

    Args:
        names: the inventory's.
    """
    where = places(nodes, tasks, names)
    by_id = {place.id: place for place in where.values()}
    of: dict[str, list[Mapping[str, Any]]] = {}
    for task in tasks:
        of.setdefault(task.get("ServiceID", ""), []).append(task)
    found = [_row(service, of.get(service.id, []), by_id) for service in services]
    return sorted(found, key=lambda r: (r.piece.of, r.piece.copy, r.piece.part))


def _row(service: Found, tasks: Sequence[Mapping[str, Any]], nodes: Mapping[str, Place]) -> Row:
    task = latest(tasks)
    state = task["Status"]["State"] if task else "new"
    node = nodes.get(task.get("NodeID", "")) if task else None
    spec = service.spec["TaskTemplate"]
    ports = service.spec.get("EndpointSpec", {}).get("Ports") or []
    return Row(
        service.piece,
        _revision(task) if task else 0,
        spec["ContainerSpec"]["Image"],
        node.name if node else "",
        node.address if node else "",
        tuple((port["TargetPort"], port["PublishedPort"]) for port in ports),
        _gpus(task) if task else (),
        _PHASES.get(state, state),
        tuple(_reasons(service, task, tasks, nodes)),
        task["ID"] if task else "",
        (task["Status"].get("ContainerStatus") or {}).get("ContainerID", "") if task else "",
        tuple(
            (each["Source"], each["Target"])
            for each in spec["ContainerSpec"].get("Mounts") or []
            if each["Type"] == "bind"
        ),
    )


def _revision(task: Mapping[str, Any]) -> int:
    labels = task["Spec"].get("ContainerSpec", {}).get("Labels") or {}
    return int(labels.get(REVISION, 0))


def latest(tasks: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the task that counts: the newest that is to run; else the newest of all."""
    ordered = _ordered(tasks)
    wanted = [task for task in ordered if task.get("DesiredState") in ("running", "ready")]
    chosen = wanted or ordered
    return chosen[-1] if chosen else None


def failures(tasks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the tasks that failed, the oldest first."""
    return [task for task in _ordered(tasks) if _PHASES.get(task["Status"]["State"]) == FAILED]


def _ordered(tasks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(tasks, key=lambda t: str(t.get("CreatedAt", "")))


def why(task: Mapping[str, Any]) -> str:
    """Return what the engine says of a task that does not run."""
    status = task["Status"]
    code = (status.get("ContainerStatus") or {}).get("ExitCode", 0)
    said = str(status.get("Err") or status.get("Message") or status["State"])
    return f"{said} (exit code {code})" if code and str(code) not in said else said


def _reasons(
    service: Found,
    task: Mapping[str, Any] | None,
    tasks: Sequence[Mapping[str, Any]],
    nodes: Mapping[str, Place],
) -> Iterable[str]:
    state = task["Status"]["State"] if task else "new"
    if state == "running" or task is None:
        return
    if state in ("new", "pending"):
        yield from _no_place(service, nodes)
        return
    if failed := failures(tasks):
        yield why(failed[-1])


def _no_place(service: Found, nodes: Mapping[str, Place]) -> Iterable[str]:
    template = service.spec["TaskTemplate"]
    needs = needed(template)
    labels, held = constraints(template)
    for place in nodes.values():
        if held and place.id != held:
            yield f"{place.name}: it is held to another node"
        elif lacks := list(place.lacks(needs, labels)):
            yield f"{place.name}: {', '.join(lacks)}"


def constraints(template: Mapping[str, Any]) -> tuple[list[tuple[str, str]], str]:
    """Return the labels that a node has to have, and the id of the one that it is held to."""
    labels, held = list[tuple[str, str]](), ""
    for text in template.get("Placement", {}).get("Constraints") or []:
        key, _, value = text.partition("==")
        if key == "node.id":
            held = value
        else:
            labels.append((key.removeprefix("node.labels."), value))
    return labels, held


def _gpus(task: Mapping[str, Any]) -> tuple[str, ...]:
    named = (one.get("NamedResourceSpec") for one in task.get("GenericResources") or [])
    return tuple(one["Value"] for one in named if one and one["Kind"] == GPU)
