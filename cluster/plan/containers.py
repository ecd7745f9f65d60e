"""The items for containers: what is created, replaced, started, removed or kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cluster.config.secrets import Secret
from cluster.model.item import Blocked, Deferred, Difference, Item, Keep, Kind
from cluster.model.order import needed
from cluster.model.policy import Busy
from cluster.model.spec import GPU_RUNTIME, Container, Image, fingerprint, mark_file
from cluster.model.state import FoundContainer, FoundNode, State
from cluster.operations.container import (
    AdjustContainer,
    CreateContainer,
    RemoveContainer,
    ReplaceContainer,
    RestartContainer,
    StartContainer,
    WaitForContainer,
)
from cluster.operations.container_body import labels
from cluster.plan.differences import differences
from cluster.plan.places import Reach
from cluster.plan.shared import Shared
from cluster.plan.unanswered import unowned, unread

_MOST = 0.9  # of a node's memory, for a container without a limit of its own


@dataclass(frozen=True)
class Rules:
    """What all decisions about containers depend on.

    Attributes:
        identify: returns the id or digest that a container's image is to have; "" for an image that
            is missing, or of which no digest is on record.
        home: the path of the shared folder; a container that mounts it needs it on its node.
        key: the cluster's key for hashes.
        master: the node that has streamed images.
        busy: what is done about a container that is at work when it is to be replaced.
        marker_files: by service, the files on nodes' disks that decide about its containers.
        shared: what they depend on of shared folders.
        missing: returns why an image has no id or digest, and what to type.
        reach: which nodes the command is about.
    """

    identify: Callable[[Container], str]
    home: str
    key: Secret
    master: str
    busy: Busy = Busy.SKIP
    marker_files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shared: Shared = field(default_factory=Shared)
    missing: Callable[[Image], tuple[str, str]] = lambda image: (f"there is no {image.name}", "")
    reach: Reach = field(default_factory=Reach)


def plan_containers(
    desired: Sequence[Container],
    state: State,
    rules: Rules,
    *,
    services: Iterable[str],
    nodes: Iterable[str],
) -> list[Item]:
    """Return the items that make the containers of `services` on `nodes` as desired.

    Args:
        desired: all containers that are wanted.
        state: what was observed.
        services: the services in question: their containers that are not desired are removed.
        nodes: the nodes that may be changed.
    """
    scope, allowed = frozenset(services), frozenset(nodes)
    wanted = [c for c in desired if c.node in allowed and c.service in scope]
    items = [plan_container(container, state, rules) for container in wanted]
    items = [defer_behind(item, items) for item in items]
    return [*items, *_removals(items, wanted, state, scope, allowed, rules.busy)]


def _removals(
    items: Iterable[Item],
    wanted: Iterable[Container],
    state: State,
    scope: Collection[str],
    allowed: Collection[str],
    busy: Busy,
) -> Iterator[Item]:
    names = {(container.node, container.name) for container in wanted}
    # Nothing of a service is removed where another container of it is blocked: when a container is
    # renamed, the old one stays until the new one can be created.
    blocked = {(item.node, item.service) for item in items if item.is_blocked}
    for node in state.nodes.values():
        for found in node.containers.values():
            if (
                node.name in allowed
                and found.service in scope
                and (node.name, found.name) not in names
                and (node.name, found.service) not in blocked
            ):
                yield RemoveContainer(node.name, found.name, found, busy)


def defer_behind(item: Item, items: Sequence[Item]) -> Item:
    """Return `item`, or a `Deferred` in its place when an item that it waits for is blocked."""
    blocked = [other for other in needed(item, items) if other.is_blocked]
    if not item.needs_lock or not blocked:
        return item
    reason = f"it waits for {blocked[0].name} on {blocked[0].node}"
    container = getattr(item, "container", None)
    place = (item.kind, item.node, item.name)
    return Deferred(*place, reason, "", container, item.differences, item.order)


def blocked(container: Container, reason: str, hint: str = "") -> Blocked:
    """Return the item for a container that can't be created."""
    return Blocked(Kind.CONTAINER, container.node, container.name, reason, hint, container)


def plan_container(container: Container, state: State, rules: Rules) -> Item:
    """Decide what is done about one container: keep, create, replace, start, or why it can't be.

    Two containers are the same if the hashes of their descriptions are (`Container.described`);
    the hash of the one that is there is in its label `skp.spec`.
    """
    if container.node in state.unreachable:
        return blocked(container, "the node can't be reached")
    node, identity = state.nodes[container.node], rules.identify(container)
    item = _compared(container, identity, node, rules)
    if not item.changes:
        return item
    found = node.containers.get(container.name)
    runs = found is not None and found.status == "running"
    elsewhere = None if runs else rules.reach.elsewhere(container, state)
    if obstacle := elsewhere or obstacle_of(container, node, rules):
        standing = blocked(container, *obstacle)
        return replace(standing, differences=item.differences, order=item.order)
    reason, hint = missing_prerequisites(container, state, rules)
    if not reason:
        return item
    place = (Kind.CONTAINER, container.node, container.name)
    return Deferred(*place, reason, hint, container, item.differences, item.order)


def limited(container: Container, node: FoundNode) -> Container:
    """Return the container with a limit of its memory: without one of its own, most of the node's.

    It is no difference between two containers: a node may get more memory.
    """
    return replace(container, memory=container.memory or int(node.memory * _MOST))


def _compared(container: Container, identity: str, node: FoundNode, rules: Rules) -> Item:
    """Return what is to be done if there is no obstacle."""
    container = container.marked(rules.key)
    found, known = node.containers.get(container.name), identity
    if found and not identity:
        # Where no digest is on record what is there is not compared by it.
        known = (found.fields.get("image") or {}).get("id", "")
    described = container.described(known or None, rules.key)
    if found is None:
        made = labels(container, identity, None, rules.key)
        return CreateContainer(limited(container, node), identity, made, rules.master)
    why = _why_replaced(described, fingerprint(described, rules.key), found)
    if why:
        made = labels(container, identity, found, rules.key)
        new = limited(container, node)
        return ReplaceContainer(new, identity, made, rules.master, found, rules.busy, why)
    return _as_it_is(container, identity, found, node, rules.busy)


def _as_it_is(
    container: Container, identity: str, found: FoundContainer, node: FoundNode, busy: Busy
) -> Item:
    """Return what is to be done about a container that was made as it is wanted."""
    if found.status == "running" and (changed := _live_differences(container, found, node)):
        return AdjustContainer(container, changed)
    if found.works:
        return Keep(Kind.CONTAINER, container.node, container.name, container, identity)
    if found.status == "running":
        return WaitForContainer(container)
    stopped = (Difference("status", "running", found.status),)
    # A container that keeps ending is restarted: the engine's own pauses between tries grow.
    if found.status == "restarting":
        place = (container.node, container.name)
        return RestartContainer(*place, found, busy, 0, container, stopped)
    return StartContainer(container, found, stopped)


def _live_differences(
    container: Container, found: FoundContainer, node: FoundNode
) -> tuple[Difference, ...]:
    """Return what is to be changed while it runs: networks, and files not as written last."""
    lacks = [name for name in container.joins if name not in found.networks]
    changed = [Difference(f"network {name}", "joined", "not joined") for name in lacks]
    strays = container.strays(sorted(found.networks))
    changed += [Difference(f"network {name}", "left", "joined") for name in strays]
    remembered = node.marker_files.get(mark_file(container.name), "").partition(" ")[0].strip()
    if remembered != container.live_mark:
        files = [Difference(f"file {f.name}", "new content", "old content") for f in container.live]
        changed += files or [Difference("files that may change", "none", "some")]
    return tuple(changed)


def _why_replaced(
    described: Mapping[str, Any], spec: str, found: FoundContainer
) -> tuple[Difference, ...]:
    """Return the differences that make a new container necessary; () for none."""
    if found.spec != spec:
        return tuple(differences(described, found.fields))
    if found.status in ("created", "dead", "removing"):
        # Half made: a container that could not be attached to its network can't be started later.
        return (Difference("status", "running", found.status),)
    return ()


def obstacle_of(container: Container, node: FoundNode, rules: Rules) -> tuple[str, str] | None:
    """Return the obstacle that only a person can remove, and what to type; None for none."""
    wanted = rules.marker_files.get(container.service, frozenset())
    if obstacle := (node.unfit if node.unfit[0] else unread(container, wanted, node)):
        return obstacle
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
    if obstacle := unowned(container, rules.home, node) or rules.shared.obstacle(container, node):
        return obstacle
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


def missing_prerequisites(container: Container, state: State, rules: Rules) -> tuple[str, str]:
    """Return what other operations have to make first, and what to type; ("", "") for nothing."""
    node = state.nodes[container.node]
    if container.on_overlay and not node.membership.active:
        return "the node is not in the Swarm", "./skp.py docker.swarm-join"
    known = state.swarm.networks if state.swarm else {}
    if absent := [name for name in container.overlays if name not in known]:
        return f"there is no network {absent[0]}", "./skp.py docker.swarm-network"
    if missing := rules.shared.missing(container):
        return missing, "./skp.py docker.apply"
    if lacking := [path for path in container.node_files if node.files.get(path) == ""]:
        return f"the node does not have {lacking[0]} yet", "./skp.py docker.apply"
    return ("", "") if rules.identify(container) else rules.missing(container.image)


def _port_clash(container: Container, node: FoundNode) -> str:
    wanted = {f"{port.host}/{port.protocol}" for port in container.ports}
    for other in node.containers.values():
        if other.name != container.name and other.service != container.service:
            taken = wanted & set(other.ports)
            if taken:
                return f"port {min(taken)} is taken by the container {other.name}"
    return ""
