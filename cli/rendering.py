"""What the commands show that only read: containers, status, audit trail, history, images."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import services
from cli.session import Session
from cluster.errors import NodeError
from cluster.model import admission, unchangeable
from cluster.model.line import Tone, Toned, table
from cluster.model.spec import REGISTRY

if TYPE_CHECKING:
    from cluster.commands.audit import Trail
    from cluster.commands.status import Row
    from cluster.connectors.fleet import Fleet, Results
    from cluster.model.digests import Record
    from cluster.model.service import Service
    from cluster.model.state import FoundContainer


def show_containers(s: Session, fleet: Fleet) -> None:
    """Show the containers of every node, a block each."""
    from cluster.facts.nodes import containers

    found = fleet.ask(containers)
    document: dict[str, object] = {
        name: [_container(c) for c in listed.values()] for name, listed in found.values.items()
    }
    document |= {name: {"error": error.what} for name, error in found.errors.items()}
    s.show(document, _container_lines(found.values))
    s.end(found.errors)


def _container(c: FoundContainer) -> dict[str, object]:
    return {
        "id": c.id,
        "name": c.name,
        "image": c.image,
        "service": c.service,
        "status": c.status,
        "health": c.health,
        "started": c.started,
        "ports": list(c.ports),
    }


def _container_lines(found: Mapping[str, Mapping[str, FoundContainer]]) -> Iterator[str]:
    for name, listed in found.items():
        rows = [
            (c.id[:12], _short(c.image), _state(c.status, c.health), _ports(c.ports), c.name)
            for c in listed.values()
        ]
        yield f"{name} docker ps"
        yield from table(("CONTAINER ID", "IMAGE", "STATUS", "PORTS", "NAMES"), rows)


def show_status(s: Session, names: str) -> None:
    """Show nodes and containers, wanted and found.

    Args:
        names: the services to show, comma-separated; "" for all.
    """
    seen = status_of(s, services.choose(names))
    document = {
        "nodes": seen.nodes,
        "containers": seen.containers,
        "options": seen.given,
        "unreachable": texts(seen.unreachable),
    }
    s.show(document, [*status_lines(seen.nodes, seen.containers), *_option_lines(seen.given)])
    s.end(seen.unreachable, [row for row in seen.containers if row["ok"] != "yes"])


@dataclass(frozen=True)
class Status:
    """What one look saw: rows of nodes, containers and given options; who could not be asked."""

    nodes: list[Row]
    containers: list[Row]
    given: list[Row]
    unreachable: dict[str, NodeError]


def status_of(s: Session, chosen: Sequence[Service]) -> Status:
    """Look once at the chosen services."""
    from cluster.commands.status import overrides, rows
    from cluster.facts.cluster import unknown_options

    hosts = tuple(host.name for host in s.hosts)
    with s.fleet() as fleet:  # the managers too: they know what is wanted
        view = s.view(fleet, chosen)
    told = [*admission.warnings(s.inventory, view.state)]
    s.warn([*unknown_options(view), *told, *unchangeable.warnings(view.cluster, view.state)])
    unreachable = {n: error for n, error in view.state.unreachable.items() if n in hosts}
    nodes, containers = rows(view.cluster, view.state, chosen, hosts)
    return Status(nodes, containers, overrides(s.settings, view.state, chosen), unreachable)


def status_lines(
    nodes: Iterable[Row], containers: Iterable[Row], fresh: Collection[tuple[str, str]] = ()
) -> Iterator[str]:
    """Yield the tables of a status.

    Args:
        fresh: node and name of the containers that stand out, because they changed.
    """
    head = ("NODE", "STATE", "ROLE", "ENGINE", "GPUS")
    yield from table(head, [_node_cells(row) for row in nodes])
    yield ""
    titles = ("NODE", "CONTAINER", "WANTED", "FOUND", "IMAGE", "AGE")
    cells = []
    for row in containers:
        node, name, *rest = container_cells(row)
        changed = (row["node"], row["container"]) in fresh
        cells.append((node, Toned(f"{name} *", Tone.NEW) if changed else name, *rest))
    yield from table(titles, cells)


def _option_lines(given: Sequence[Row]) -> Iterator[str]:
    """Yield what `-run` was given, which counts more than bin/env.sh until the service's `-rm`."""
    if given:
        yield ""
        head = ("SERVICE", "SETTING", "GIVEN TO -run", "INSTEAD OF")
        yield from table(head, [list(row.values()) for row in given])


def _node_cells(row: Row) -> list[str]:
    node, state, *rest = list(row.values())[:5]
    tone = {"ready": Tone.GOOD, "up": Tone.GOOD}.get(state, Tone.BAD)
    return [node, Toned(state, Tone.WAITING if "drained" in state else tone), *rest]


def container_cells(row: Row) -> list[str]:
    """Return a container's row as cells: where, what, wanted, found, image, age."""
    found = _state(row["found"], row["health"] or "none")
    tone = Tone.GOOD if row["ok"] == "yes" else Tone.BAD
    return [
        row["node"], row["container"], row["wanted"],
        Toned(found, Tone.WAITING if found == "starting" else tone), row["image"],
        age(row["started"]),
    ]  # fmt: skip


def show_audit(s: Session, count: int) -> None:
    """Show the last `count` entries of the audit trail, merged from all managers."""
    from cluster.commands.audit import merged

    found = _trails(s, count)
    last = merged(found.values.values(), count)
    s.show(last, _audit_lines(last))
    _end_trails(s, found)


def _trails(s: Session, count: int) -> Results[Trail]:
    from cluster.commands.audit import read

    with s.fleet(s.inventory.managers) as fleet:
        return read(fleet, s.inventory, count)


def _end_trails(s: Session, found: Results[Trail]) -> None:
    """Warn of what was changed in the trails, which is a fault even if all managers answer."""
    from cluster.commands.audit import faults

    wrong = faults(found.values)
    s.warn(wrong)
    s.end(found.errors, wrong)


def _audit_lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    rows = [(e["time"][:19], e["who"], e["command"], _ending(e)) for e in entries]
    yield from table(("TIME (UTC)", "WHO", "COMMAND", "WHAT"), rows)


def show_history(s: Session, count: int) -> None:
    """Show the last `count` commands that changed something, from the audit trail."""
    from cluster.commands.audit import merged
    from cluster.commands.history import commands

    found = _trails(s, 2 * count)  # a beginning and an end each
    last = commands(merged(found.values.values(), 2 * count))[-count:]
    s.show(last, _history_lines(last))
    _end_trails(s, found)


def _history_lines(commands: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    rows = [
        (
            c["time"][5:16].replace("T", " "), c["who"][:15], c["command"], c["outcome"],
            "" if c["seconds"] is None else f"{c['seconds']:.0f} s", str(len(c["changed"])),
        )
        for c in commands
    ]  # fmt: skip
    yield from table(("TIME (UTC)", "WHO", "COMMAND", "OUTCOME", "TOOK", "CHANGED"), rows)


def _ending(entry: Mapping[str, Any]) -> str:
    if entry["event"] == "begin":
        return "began"
    done = sum(step["outcome"] == "done" for step in entry["steps"])
    return f"{entry['outcome']}, {done} of {len(entry['steps'])} steps"


def show_images(s: Session, fleet: Fleet) -> None:
    """Show each image of the registry as each node sees it."""
    from cluster.commands.status import images
    from cluster.facts import record

    nodes = [host.name for host in s.hosts]
    known: Record | None = None
    try:
        known = record.known(s.inventory, fleet)
    except NodeError as error:
        s.warn([str(error)])
    found = images(fleet, nodes, known)
    listed = [
        {"node": name, **entry} for name, entries in found.values.items() for entry in entries
    ]
    s.show({"images": listed, "unreachable": texts(found.errors)}, _image_lines(listed))
    s.end(found.errors)


def _image_lines(listed: Iterable[Row]) -> Iterator[str]:
    rows = [
        (
            e["image"], e["node"],
            *(_digest(e[key])[:8] for key in ("admitted", "registry", "engine")),
            f"{int(e['size']) / 1e6:.0f} MB" if e["size"] else "", age(e["created"]),
        )
        for e in sorted(listed, key=lambda e: (e["image"], e["node"]))
    ]  # fmt: skip
    head = ("IMAGE", "NODE", "ADMITTED", "REGISTRY", "ENGINE", "SIZE", "AGE")
    yield from table(head, rows)


def texts(errors: Mapping[str, NodeError]) -> dict[str, str]:
    """Return what went wrong by node, as JSON documents have it."""
    return {name: error.what for name, error in errors.items()}


def _state(status: str, health: str) -> str:
    return status if health == "none" or status != "running" else health


def _ports(ports: tuple[str, ...]) -> str:
    return ",".join(port.removesuffix("/tcp") for port in ports)


def _short(image: str) -> str:
    name = image.removeprefix(f"{REGISTRY}/")
    return name if len(name) <= 30 else f"{name[:27]}..."


def _digest(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12] or "-"


def age(moment: str) -> str:
    """Return how long ago an RFC 3339 time was, in its largest unit."""
    if not moment or moment.startswith("0001"):
        return ""
    try:
        then = datetime.fromisoformat(f"{moment.rstrip('Z')[:19]}+00:00")
    except ValueError:
        return "?"  # a node may say anything
    seconds = int((datetime.now(UTC) - then).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
