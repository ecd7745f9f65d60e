"""What is wanted and what is there, as rows for a person; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import docker.errors

from cluster.config.settings import Settings
from cluster.connectors.fleet import Fleet, Results
from cluster.connectors.node import Node
from cluster.facts.nodes import identify
from cluster.facts.told import number_or, parts, text_or, texts
from cluster.model.cluster import Cluster
from cluster.model.digests import Record
from cluster.model.service import Service
from cluster.model.spec import GPU_RUNTIME, REGISTRY, Container, Image
from cluster.model.state import FoundContainer, FoundNode, Health, State, SwarmNode
from cluster.plan.swarm import drained

Row = dict[str, str]
_NOT_ASKED = {"role": "", "engine": "", "gpus": ""}


def rows(
    cluster: Cluster, state: State, services: Sequence[Service], nodes: Sequence[str]
) -> tuple[list[Row], list[Row]]:
    """Return a row for each node, and one for each container that is wanted or there."""
    hosts = [host for host in cluster.inventory.hosts if host.name in nodes]
    node_rows = [_node(host.name, cluster, state) for host in hosts]
    containers = list(_containers(cluster, state, services))
    return node_rows, [row for row in containers if row["node"] in nodes]


def overrides(settings: Settings, state: State, services: Sequence[Service]) -> list[Row]:
    """Return a row for each setting of `services` that a `-run` was given and the cluster keeps.

    Args:
        settings: those of this machine's own files.
    """
    given = state.swarm.decisions.options if state.swarm else {}
    return [
        {"service": service.name, "setting": key, "value": value, "instead_of": settings.text(key)}
        for service in services
        for key, value in sorted(given.get(service.name, {}).items())
        if key in {setting.key for setting in service.settings}
    ]


def _node(name: str, cluster: Cluster, state: State) -> Row:
    labels = ",".join(label for label, _ in cluster.inventory.host(name).labels)
    if name in state.unreachable:
        return {"node": name, "state": "unreachable", **_NOT_ASKED, "labels": labels}
    node = state.nodes[name]
    entry = state.swarm.nodes.get(node.membership.node_id) if state.swarm else None
    role = "outside" if not node.membership.active else (entry.role if entry else "member")
    shown = f"{role}, leader" if entry and entry.leader else role
    return {
        "node": name,
        "state": _state(entry),
        "role": shown,
        "engine": node.engine_version,
        "gpus": _gpus(node),
        "labels": labels,
    }


def _state(entry: SwarmNode | None) -> str:
    if entry is None:
        return "up"
    return f"{entry.state}, drained" if entry.drained else entry.state


def _gpus(node: FoundNode) -> str:
    """Return how many GPUs the node has, and whether containers can't use them."""
    return f"{node.gpus}{'' if GPU_RUNTIME in node.runtimes or not node.gpus else ', no runtime'}"


def _containers(cluster: Cluster, state: State, services: Sequence[Service]) -> Iterator[Row]:
    stopped = state.swarm.decisions.stopped if state.swarm else frozenset[str]()
    off = drained(cluster.inventory, state, (), ())
    for service in services:
        wanted = {(c.node, c.name): c for c in service.containers(cluster, state)}
        for key, container in wanted.items():
            down = "held" if container.service in stopped else "drained" if key[0] in off else ""
            yield _row(key, container, _found(state, key), down, state)
        for node in state.nodes.values():
            for found in node.containers.values():
                key = (node.name, found.name)
                if found.service == service.name and key not in wanted:
                    yield _row(key, None, found, "", state)


def _found(state: State, key: tuple[str, str]) -> FoundContainer | None:
    node, name = key
    return state.nodes[node].containers.get(name) if node in state.nodes else None


def _row(
    key: tuple[str, str],
    wanted: Container | None,
    found: FoundContainer | None,
    down: str,
    state: State,
) -> Row:
    up = found is not None and found.status == "running" and found.health in (
        Health.HEALTHY, Health.NONE,
    )  # fmt: skip
    ok = (up and wanted is not None) if not down else found is None
    unknown = "unreachable" if key[0] in state.unreachable else "missing"
    image = wanted.image.reference if wanted else (found.image if found else "")
    return {
        "node": key[0],
        "container": key[1],
        "wanted": down or ("running" if wanted else "no"),
        "found": found.status if found else unknown,
        "health": found.health if found else "",
        "image": image.removeprefix(f"{REGISTRY}/"),
        "started": found.started if found else "",
        "ok": "yes" if ok else "no",
    }


def images(fleet: Fleet, nodes: Sequence[str], record: Record | None) -> Results[list[Row]]:
    """Return, by node, a row for each image of our registry that any node has, or the node's error.

    A row has the image's digest of record, that in the node's registry and in its engine, its size
    in bytes, and the time of its creation.

    Args:
        record: None where it is not known.
    """
    named = fleet.ask(_names, nodes)
    known = {f"{REGISTRY}/{name}": digests[0] for name, digests in (record or {}).items()}
    none = "unknown" if record is None else ""
    names = sorted({name for found in named.values.values() for name in found} | set(known))

    def rows_of(node: Node) -> list[Row]:
        return [{**_image(node, name), "admitted": known.get(name, none)} for name in names]

    listed = fleet.each(rows_of, named.values)
    return Results(listed.values, {**named.errors, **listed.errors})


def _names(node: Node) -> list[str]:
    with node.talking("listing images") as engine:
        listed = parts(engine.images(filters={"reference": f"{REGISTRY}/*/*"}))
        tags = [tag for image in listed for tag in texts(image, "RepoTags")]
    # (Containerd's store lists a digest by which an image was pulled among its tags.)
    return [tag for tag in tags if tag.startswith(f"{REGISTRY}/") and "@" not in tag]


def _image(node: Node, name: str) -> Row:
    repository, _, tag = name.removeprefix(f"{REGISTRY}/").rpartition(":")
    with node.talking("reading an image") as engine:
        try:
            found = engine.inspect_image(name)
        except docker.errors.ImageNotFound:
            found = {}
        own = f"{REGISTRY}/{repository}@"
        engine_has = [d.removeprefix(own) for d in texts(found, "RepoDigests") if d.startswith(own)]
        size, created = number_or(0, found, "Size"), text_or("", found, "Created")
    return {
        "image": f"{repository}:{tag}",
        "registry": identify(node, Image(repository, tag)),
        "engine": engine_has[0] if engine_has else "",
        "size": str(size or ""),
        "created": created,
    }
