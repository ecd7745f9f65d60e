"""The items that move a cluster of an earlier version from one tree to two. Pure.

Each plan is made from what is there, so the move goes on wherever it was interrupted.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cluster.errors import ConfigErrors
from cluster.model.answer import Unanswered
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Deferred, Item, Kind
from cluster.model.layout import Layout, holds
from cluster.model.networks import networks
from cluster.model.policy import Busy
from cluster.model.service import Service
from cluster.model.state import LABEL_OWNED, FoundContainer, State, Trees
from cluster.model.trees import folders, homes, moves
from cluster.operations.container import RemoveContainer
from cluster.operations.decisions import BeginMove, SettleLayout
from cluster.operations.trees import ArrangeFolders, MoveData
from cluster.plan.conflicts import conflicts
from cluster.plan.networks import unmakeable
from cluster.plan.parts import Part
from cluster.plan.scope import Goal, Scope
from cluster.plan.shared import Shared, handed_to, other_users, shared
from cluster.plan.trees import arrangement
from cluster.plan.unanswered import look_at

_NAME = "the platform's data"
_AGAIN = "./skp.py docker.apply goes on with it."


def is_old(cluster: Cluster, state: State) -> bool:
    """Whether data has to be moved, or handed over to other users, which has to be agreed to."""
    if state.swarm is None or state.leaderless:
        return False
    old_places, others = _left(cluster, state), other_users(cluster, state)
    return cluster.layout is Layout.ONE_TREE or bool(old_places or others)


def is_whole(cluster: Cluster, scope: Scope) -> bool:
    """Whether a command is about the whole cluster, so that data may be moved in it."""
    every = {host.name for host in cluster.inventory.hosts} <= set(scope.nodes)
    return scope.goal is Goal.APPLY and Part.FILES in scope.parts and every


def question(cluster: Cluster, state: State, services: Sequence[Service]) -> str:
    """Return what a person is asked, who then sees all that happens."""
    apart = replace(cluster, layout=Layout.TWO_TREES)
    left = _left(apart, state)
    lines = [f"    {m.old}\n      -> {m.new}" for m in moves(apart, services) if m.old in left]
    users = sorted({found.name for _, found in _users(apart, state, services)})
    dfs = cluster.settings.text("SKP_DFS")
    dfs = dfs and f"\n  - {dfs} is left as it is: let user id {apart.users} write there"
    new = (f"{n.name} ({n.subnet})" if n.subnet else n.name for n in networks(apart)[1:])
    beside = textwrap.fill(f"another: {', '.join(new)}", 76, subsequent_indent="    ")
    moved = "\n".join(lines or ["    (there is none to be moved)"])
    return f"""\
This cluster is laid out as by an earlier version: whoever runs a notebook can
become root on its nodes. From now on:
  - the platform's data is in {cluster.platform}, which no user's code sees:
{moved}
  - users' files, in {cluster.home}, belong to user and group id
    {apart.users}, and {cluster.settings.text("SKP_USER")} is a member of that group
  - each service has a user id of its own
  - ports are published at the nodes' own addresses alone (SKP_BIND opens more)
  - notebooks, Spark and Airflow are on a network of their own, databases on
    {beside}
  - notebooks reach MySQL at its node's address, by no name, and no ZooKeeper{dfs}
Meanwhile these stop, notebooks' kernels included, and are made anew:
    {textwrap.fill(", ".join(users) or "none", 76, subsequent_indent="    ")}
Nothing is lost. It may be interrupted anywhere: the next docker.apply goes on."""


def plan_move(
    cluster: Cluster, state: State, services: Sequence[Service], scope: Scope
) -> list[Item]:
    """Return the next items of the move: what can be done now, and what comes after it.

    Raises:
        ConfigError: SKP_PLATFORM is in the users' folder.
        ConfigErrors: services want the same port or address, once data is moved.
    """
    master = cluster.inventory.master.name
    apart = replace(cluster, layout=Layout.TWO_TREES)
    assert state.swarm is not None
    if not is_whole(cluster, scope):
        reason = "data of an earlier version is being moved"
        return [Blocked(Kind.FILE, master, _NAME, reason, _AGAIN)]
    wanted = [c for service in services for c in service.containers(apart, state)]
    if errors := list(conflicts(apart, wanted)):
        raise ConfigErrors(errors)  # better now than when nothing runs any more
    seen = shared(apart, state, services)
    if obstacles := [
        *_unreachable(state),
        *_lost(apart, state),
        *_obstacles(apart, state, services, seen),
    ]:
        return obstacles
    begun = state.swarm.decisions.moving
    begin: list[Item] = [] if begun else [BeginMove(state.swarm.via)]
    if not seen.said:
        first = replace(arrangement(apart, state, ()), folders=(), owners=())
        return [*begin, first, _deferred(master, "its folder is not arranged yet")]
    return list(_blind(state, seen)) or [*begin, *_going_on(apart, state, services)]


def _going_on(apart: Cluster, state: State, services: Sequence[Service]) -> list[Item]:
    """Return what comes once every node sees the platform's folder."""
    running: list[Item] = [
        RemoveContainer(node, found.name, found, Busy.REPLACE)
        for node, found in _users(apart, state, services)
    ]
    if not running:
        return [_last(apart, state, services)]
    reason = "what uses it is stopped first"
    return [*running, _deferred(apart.inventory.master.name, reason)]


def _last(apart: Cluster, state: State, services: Sequence[Service]) -> Item:
    """Return the move itself; when it is done, the operation that remembers it."""
    assert state.swarm is not None
    if handed_to(apart, state) == apart.users and not _left(apart, state):
        return SettleLayout(state.swarm.via)
    own = [service for service in services if service.hosts(apart)]
    every = arrangement(apart, state, own)
    fields = {name: getattr(every, name) for name in ArrangeFolders.__dataclass_fields__}
    return MoveData(**{**fields, "name": _NAME, "moves": moves(apart, services)})


def _left(cluster: Cluster, state: State) -> frozenset[str]:
    """Return the old places that hold data."""
    node = state.nodes.get(cluster.inventory.master.name)
    return node.trees.left if node and isinstance(node.trees, Trees) else frozenset()


def _users(
    apart: Cluster, state: State, services: Sequence[Service]
) -> list[tuple[str, FoundContainer]]:
    """Return the containers of ours that have a part of the users' folders, with their nodes."""
    roots = homes(folders(apart, services))
    return [
        (node.name, found)
        for node in state.nodes.values()
        for found in node.containers.values()
        if found.service and _uses(found, roots)
    ]


def _uses(found: FoundContainer, roots: Sequence[str]) -> bool:
    sources = [str(mount.get("source")) for mount in found.fields.get("mounts", ())]
    return any(holds(root, source) for root in roots for source in sources)


def _unreachable(state: State) -> Iterator[Item]:
    for name in state.unreachable:
        reason = "the node can't be reached, and no container may run while data is moved"
        yield Blocked(Kind.FILE, name, _NAME, reason, _AGAIN)


def _lost(apart: Cluster, state: State) -> Iterator[Item]:
    """Yield our nodes in the Swarm that the inventory lacks: what runs there would not be seen."""
    assert state.swarm is not None
    known = {node.membership.node_id for node in state.nodes.values()}
    addresses = {host.ipv4 for host in apart.inventory.hosts}
    for entry in state.swarm.nodes.values():
        off = entry.state == "down" or entry.id in known or entry.address in addresses
        if not off and LABEL_OWNED in entry.labels:
            reason = (
                f"it is in the Swarm and not in {apart.inventory.path}, and no container may run "
                "while data is moved"
            )
            hint = (
                f"Give it back there; then it may go: ./skp.py docker.node-rm -h {entry.hostname}"
            )
            yield Blocked(Kind.FILE, entry.hostname, _NAME, reason, hint)


def _obstacles(
    apart: Cluster, state: State, services: Sequence[Service], seen: Shared
) -> Iterator[Item]:
    """Yield what would stop containers after the move: better before it."""
    yield from unmakeable(apart, state)
    master = state.nodes.get(apart.inventory.master.name)
    if master and isinstance(master.trees, Unanswered):
        hint = look_at(master.name, apart.home)
        yield Blocked(Kind.FILE, master.name, _NAME, master.trees.why, hint)
    paths = replace(seen, left={}, others="", said="")
    for container in (c for service in services for c in service.containers(apart, state)):
        node = state.nodes.get(container.node)
        if node and (obstacle := paths.obstacle(container, node)):
            yield Blocked(Kind.CONTAINER, container.node, container.name, *obstacle, container)


def _blind(state: State, seen: Shared) -> Iterator[Item]:
    """Yield the nodes that do not see the platform's folder."""
    for node in state.nodes.values():
        if node.marker_files.get(seen.marker) != seen.said:
            yield Blocked(Kind.FILE, node.name, _NAME, *seen.elsewhere)


def _deferred(master: str, reason: str) -> Item:
    return Deferred(Kind.FILE, master, _NAME, reason, _AGAIN)
