"""Tables of what is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from invoke import Exit

import services
from cli.session import Session
from cluster.commands.report import table
from cluster.errors import ExitCode, NodeError
from cluster.model.spec import REGISTRY

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet


def show_containers(s: Session, fleet: Fleet) -> None:
    """Show the containers of every node, a block each."""
    from cluster.facts.nodes import containers

    found = fleet.ask(containers)
    errors = found.errors
    if s.options.json:
        document: dict[str, object] = {
            name: [
                {
                    "id": c.id,
                    "name": c.name,
                    "image": c.image,
                    "service": c.service,
                    "status": c.status,
                    "health": c.health,
                    "started": c.started,
                    "ports": list(c.ports),
                }
                for c in listed.values()
            ]
            for name, listed in found.values.items()
        }
        document |= {name: {"error": error.what} for name, error in errors.items()}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for name, listed in found.values.items():
            rows = [
                (c.id[:12], _short(c.image), _state(c.status, c.health), _ports(c.ports), c.name)
                for c in listed.values()
            ]
            print(f"{name} docker ps")
            print("\n".join(table(("CONTAINER ID", "IMAGE", "STATUS", "PORTS", "NAMES"), rows)))
    _finish(s, errors)


def show_status(s: Session, names: str) -> None:
    """Show nodes and containers, wanted and found."""
    from cluster.commands.status import rows
    from cluster.facts.cluster import unknown_options

    chosen, hosts = services.choose(names), tuple(host.name for host in s.hosts)
    with s.fleet() as fleet:  # the managers too: they know what is wanted
        view = s.view(fleet, chosen)
    s.warn(unknown_options(view))
    state = view.state
    errors = {name: error for name, error in state.unreachable.items() if name in hosts}
    nodes, containers = rows(view.cluster, state, chosen, hosts)
    if s.options.json:
        told = {name: error.what for name, error in errors.items()}
        document = {"nodes": nodes, "containers": containers, "unreachable": told}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        head = ("NODE", "STATE", "ROLE", "ENGINE", "GPUS")
        print("\n".join(table(head, [list(row.values())[:5] for row in nodes])))
        print()
        titles = ("NODE", "CONTAINER", "WANTED", "FOUND", "IMAGE", "AGE")
        cells = [
            (
                row["node"], row["container"], row["wanted"],
                _state(row["found"], row["health"] or "none"), row["image"], _age(row["started"]),
            )
            for row in containers
        ]  # fmt: skip
        print("\n".join(table(titles, cells)))
    healthy = all(row["ok"] == "yes" for row in containers)
    _finish(s, errors, healthy)


def show_audit(s: Session, count: int) -> None:
    """Show the last entries of the audit trail, as all managers together know it."""
    from cluster.commands.audit import entries, merged

    with s.fleet(s.inventory.managers) as fleet:
        found = entries(fleet, s.inventory, count)
    last = merged(found.values.values(), count)
    if s.options.json:
        print(json.dumps(last, indent=2, ensure_ascii=False))
    else:
        rows = [(e["time"][:19], e["who"], e["command"], _ending(e)) for e in last]
        print("\n".join(table(("TIME (UTC)", "WHO", "COMMAND", "WHAT"), rows)))
    _finish(s, {**fleet.unreachable, **found.errors})


def show_history(s: Session, count: int) -> None:
    """Show the last commands that changed something, from the audit trail."""
    from cluster.commands.audit import entries, merged
    from cluster.commands.history import commands

    with s.fleet(s.inventory.managers) as fleet:
        found = entries(fleet, s.inventory, 2 * count)  # a beginning and an end each
    last = commands(merged(found.values.values(), 2 * count))[-count:]
    if s.options.json:
        print(json.dumps(last, indent=2, ensure_ascii=False))
    else:
        rows = [
            (
                c["time"][5:16].replace("T", " "), c["who"][:15], c["command"], c["outcome"],
                "" if c["seconds"] is None else f"{c['seconds']:.0f} s", str(len(c["changed"])),
            )
            for c in last
        ]  # fmt: skip
        head = ("TIME (UTC)", "WHO", "COMMAND", "OUTCOME", "TOOK", "CHANGED")
        print("\n".join(table(head, rows)))
    _finish(s, {**fleet.unreachable, **found.errors})


def _ending(entry: Mapping[str, Any]) -> str:
    if entry["event"] == "begin":
        return "began"
    done = sum(step["outcome"] == "done" for step in entry["steps"])
    return f"{entry['outcome']}, {done} of {len(entry['steps'])} steps"


def show_images(s: Session, fleet: Fleet) -> None:
    """Show each image of the registry as each node sees it."""
    from cluster.commands.status import images

    found = images(fleet)
    errors = {**fleet.unreachable, **found.errors}
    listed = [
        {"node": name, **entry} for name, entries in found.values.items() for entry in entries
    ]
    if s.options.json:
        told = {name: error.what for name, error in errors.items()}
        document = {"images": listed, "unreachable": told}
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        head = ("IMAGE", "NODE", "REGISTRY DIGEST", "ENGINE DIGEST", "SIZE", "AGE")
        rows = [
            (
                e["image"], e["node"], _digest(e["registry"]), _digest(e["engine"]),
                f"{int(e['size']) / 1e6:.0f} MB" if e["size"] else "", _age(e["created"]),
            )
            for e in sorted(listed, key=lambda e: (e["image"], e["node"]))
        ]  # fmt: skip
        print("\n".join(table(head, rows)))
    _finish(s, errors)


def _finish(s: Session, errors: Mapping[str, NodeError], fine: bool = True) -> None:
    if not s.options.json:
        s.warn([str(error) for error in errors.values()])
    if errors or not fine:
        raise Exit(code=int(ExitCode.FAILED))


def _state(status: str, health: str) -> str:
    return status if health == "none" or status != "running" else health


def _ports(ports: tuple[str, ...]) -> str:
    return ",".join(port.removesuffix("/tcp") for port in ports)


def _short(image: str) -> str:
    name = image.removeprefix(f"{REGISTRY}/")
    return name if len(name) <= 30 else f"{name[:27]}..."


def _digest(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12] or "-"


def _age(moment: str) -> str:
    """Return how long ago an RFC 3339 time was, in its largest unit."""
    if not moment or moment.startswith("0001"):
        return ""
    then = datetime.fromisoformat(f"{moment.rstrip('Z')[:19]}+00:00")
    seconds = int((datetime.now(UTC) - then).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
