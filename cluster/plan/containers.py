"""Pure: what is wanted and what is there, in; the containers' steps, out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster.config.secrets import Secret
from cluster.model.spec import GPU_RUNTIME, Container, Image, Source, fingerprint
from cluster.model.state import FoundContainer, FoundNode, State
from cluster.model.step import Action, Difference, Kind, Step, needed


def plan_containers(
    desired: Sequence[Container],
    state: State,
    *,
    services: Iterable[str],
    nodes: Iterable[str],
    identify: Callable[[Container], str],
    home: str,
    key: Secret,
) -> list[Step]:
    """Return the steps that make the containers of `services` on `nodes` as desired.

    Args:
        desired: all containers that are wanted.
        state: what was observed.
        services: the services whose other containers are removed; nothing else is touched.
        nodes: the nodes that may be changed.
        identify: what a container's image is to be, by id or digest; "" for an image that is
            missing.
        home: the shared folder; containers that mount it need it on their node.
        key: the cluster's key for hashes.
    """
    scope, allowed = frozenset(services), frozenset(nodes)
    wanted = [c for c in desired if c.node in allowed and c.service in scope]
    names = {(container.node, container.name) for container in wanted}
    steps = [
        _unreachable(container)
        if container.node in state.unreachable
        else _step(container, state, identify(container), home, key)
        for container in wanted
    ]
    steps = [waiting(step, steps) for step in steps]
    # What a renamed container comes after goes only when the new one can come.
    standing = {(s.node, s.container.service) for s in steps if s.stands and s.container}
    return [
        *steps,
        *(
            Step(Kind.CONTAINER, Action.REMOVE, node.name, found.name, found=found)
            for node in state.nodes.values()
            if node.name in allowed
            for found in node.containers.values()
            if found.service in scope
            and (node.name, found.name) not in names
            and (node.name, found.service) not in standing
        ),
    ]


def waiting(step: Step, steps: Sequence[Step]) -> Step:
    """Return `step`, blocked itself when something that it comes after is blocked."""
    standing = [s for s in needed(step, steps) if s.stands]
    if not step.changes or not standing:
        return step
    reason = f"it waits for {standing[0].name} on {standing[0].node}"
    return replace(step, action=Action.DEFER, reason=reason)


def _unreachable(container: Container) -> Step:
    return Step(
        Kind.CONTAINER,
        Action.BLOCK,
        container.node,
        container.name,
        reason="the node can't be reached",
        container=container,
    )


def _step(container: Container, state: State, identity: str, home: str, key: Secret) -> Step:
    node = state.nodes[container.node]
    found = node.containers.get(container.name)
    # Without its registry an image has no digest; what runs from it is then not judged by it.
    known = identity or (found.fields.get("image") or {}).get("id", "") if found else identity
    described = container.described(known or None, key)
    action, differences = _compare(described, fingerprint(described, key), found)
    step = Step(
        Kind.CONTAINER,
        action,
        container.node,
        container.name,
        differences=differences,
        container=container,
        identity=identity,
        found=found,
        turn=container.turn if action is Action.REPLACE else 0,
    )
    if not step.changes:
        return step
    if obstacle := obstacle_of(container, node, home):
        return replace(step, action=Action.BLOCK, reason=obstacle[0], hint=obstacle[1])
    reason, hint = lacking(container, state, node, identity)
    if not reason:
        return step
    return replace(step, action=Action.DEFER, reason=reason, hint=hint)


def _compare(
    described: Mapping[str, Any], spec: str, found: FoundContainer | None
) -> tuple[Action, tuple[Difference, ...]]:
    if found is None:
        return Action.CREATE, ()
    if found.spec != spec:
        return Action.REPLACE, tuple(_differences(described, found.fields))
    if found.status in ("created", "dead", "removing"):
        # Half made: an engine that could not attach it to the network can't start it any more.
        return Action.REPLACE, (Difference("status", "running", found.status),)
    if found.works:
        return Action.KEEP, ()
    if found.status == "running":
        return Action.WAIT, ()
    # One that keeps ending is started anew: the engine waits longer and longer between its tries.
    action = Action.RESTART if found.status == "restarting" else Action.START
    return action, (Difference("status", "running", found.status),)


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    different = [k for k in {**wanted, **found} if wanted.get(k) != found.get(k)]
    for name in different:
        yield from _unfold(name, wanted.get(name), found.get(name))
    if not different:
        yield Difference("spec", "this cluster's key", "another key")


def _unfold(name: str, wanted: Any, found: Any) -> Iterator[Difference]:
    """Name the entries that differ in a list of pairs or named things, not the whole list."""
    if name == "environment":
        new, old = dict(wanted or []), dict(found or [])
        for key in {**new, **old}:
            if new.get(key) != old.get(key):
                yield Difference(f"environment {key}", new.get(key), old.get(key))
    elif name == "files":
        new = {item["name"]: item["content"] for item in wanted or []}
        old = {item["name"]: item["content"] for item in found or []}
        for key in {**new, **old}:
            if new.get(key) != old.get(key):
                yield Difference(f"file {key}", "new content", "old content")
    elif name == "memory":
        yield Difference(name, _bytes(wanted), _bytes(found))
    elif name == "image":
        yield Difference("image", _image(wanted), _image(found))
    else:
        yield Difference(name, wanted, found)


def _bytes(number: int | None) -> str:
    for unit, size in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if number and number % size == 0:
            return f"{number // size}{unit}"
    return str(number or "")


def _image(described: Mapping[str, Any] | None) -> str:
    described = described or {}
    identity = (described.get("id") or "").removeprefix("sha256:")[:12]
    return f"{str(described.get('name', '')).rsplit('/', 1)[-1]}@{identity or '?'}"


def obstacle_of(container: Container, node: FoundNode, home: str) -> tuple[str, str] | None:
    """Return what is in the way that only a person can remove, and what to type."""
    if container.obstacle:
        reason, hint = container.obstacle
        return reason, hint
    found = node.containers.get(container.name)
    if found and found.service != container.service:
        whose = f"{found.service}'s" if found.service else "not ours"
        return (
            f"a container named {container.name} is there that is {whose}",
            f"Rename or remove it: docker rm -f {container.name} on {node.name}",
        )
    under_home = any(m.source == home or m.source.startswith(f"{home}/") for m in container.mounts)
    if under_home and not node.owner:
        return f"{home} is not there", "It has to be the same shared folder on every node."
    if clash := _port_clash(container, node):
        return clash, "Change the port in bin/env.sh, or end what uses it."
    return _no_gpu(container, node)


def _no_gpu(container: Container, node: FoundNode) -> tuple[str, str] | None:
    if not container.gpus:
        return None
    if node.gpus < max(container.gpus, 1):
        return (
            f"NVIDIA's driver shows {node.gpus or 'no'} GPU there",
            f"Give its label to another node, or set {container.service.upper()}_GPU to FALSE.",
        )
    if GPU_RUNTIME not in node.runtimes:
        return (
            f"its engine has no runtime {GPU_RUNTIME}, through which containers get GPUs",
            "Install nvidia-container-toolkit there; nvidia-ctk runtime configure registers it.",
        )
    return None


def lacking(container: Container, state: State, node: FoundNode, identity: str) -> tuple[str, str]:
    """Return what other steps have to bring first, and what to type; ("", "") for nothing."""
    if container.network != "host" and not node.membership.active:
        return "the node is not in the Swarm", "./skp.py docker.swarm-join"
    if container.network not in ("host", *(state.swarm.networks if state.swarm else ())):
        return f"there is no network {container.network}", "./skp.py docker.swarm-network"
    return ("", "") if identity else _missing_image(container.image)


def _missing_image(image: Image) -> tuple[str, str]:
    if image.source is Source.STREAM:
        return f"the master has no image {image.reference} yet", ""
    build = f", then ./skp.py {image.built_by}" if image.built_by else ""
    return (
        f"the master's registry does not have {image.repository}:{image.tag}",
        f"./skp.py docker.registry-run{build}",
    )


def _port_clash(container: Container, node: FoundNode) -> str:
    wanted = {f"{port.host}/{port.protocol}" for port in container.ports}
    for other in node.containers.values():
        if other.name != container.name and other.service != container.service:
            taken = wanted & set(other.ports)
            if taken:
                return f"port {min(taken)} is taken by the container {other.name}"
    return ""


def waves(steps: Iterable[Step]) -> list[list[Step]]:
    """Return the steps that change something in waves: each may begin when the last is through.

    Kinds follow each other in the order of `Kind`; containers follow the services they name in
    `after`, and each other by the stages of their own; removals come first, in the other direction;
    a rolling change goes turn by turn. A circle in `after` is an error of the services:
    AssertionError.
    """
    order, steps = list(Kind), list(steps)
    depth = _depths(steps)
    ranked: dict[tuple[int, ...], list[Step]] = {}
    for step in steps:
        if step.acts:
            removal = step.action is Action.REMOVE
            level = depth.get(_whose(step), 0)
            place = (0, -level) if removal else (1, level)
            rank = (order.index(step.kind), *place, step.stage, step.turn)
            ranked.setdefault(rank, []).append(step)
    return [ranked[rank] for rank in sorted(ranked)]


def _whose(step: Step) -> str:
    """Return the service that the step's container is of; "" for none."""
    if step.container:
        return step.container.service
    return (step.found.service or "") if step.found else ""


def _depths(steps: Iterable[Step]) -> dict[str, int]:
    """Return for each service how many services have to be there before it, one after another."""
    needs: dict[str, set[str]] = {}
    for step in steps:
        if step.container:
            needs.setdefault(_whose(step), set()).update(step.after)
        elif step.action is Action.REMOVE and step.found:
            needs.setdefault(_whose(step), set()).update(step.found.after)
    depth: dict[str, int] = {}

    def visit(service: str, path: tuple[str, ...]) -> int:
        assert service not in path, f"services wait for each other: {' -> '.join(path)}"
        if service not in depth:
            below = [visit(s, (*path, service)) for s in needs.get(service, ()) if s in needs]
            depth[service] = 1 + max(below, default=-1)
        return depth[service]

    for service in needs:
        visit(service, ())
    return depth
