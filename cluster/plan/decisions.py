"""The items by which the Swarm remembers what a person decided about services. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.model.cluster import Cluster
from cluster.model.decisions import Decisions
from cluster.model.item import Deferred, Difference, Item, Kind
from cluster.model.state import State
from cluster.operations.decisions import (
    DecisionOperation,
    PinImages,
    ReleaseService,
    SetOptions,
    StopService,
)
from cluster.plan.scope import Goal, Scope, covers


def plan_decisions(cluster: Cluster, state: State, scope: Scope) -> list[Item]:
    """Return the items that remember the goal of `scope`, for services that it covers entirely."""
    if scope.goal is Goal.APPLY:
        return []
    if state.swarm is None:
        return [_unremembered(cluster, scope)] if scope.options else []
    decisions, via = state.swarm.decisions, state.swarm.via
    chosen = [s.name for s in scope.services if covers(cluster, scope, s)]
    found = [_operation(name, via, decisions, scope) for name in chosen]
    return [operation for operation in found if operation is not None]


def _unremembered(cluster: Cluster, scope: Scope) -> Item:
    return Deferred(
        Kind.INTENT,
        cluster.inventory.master.name,
        scope.services[0].name,
        "options can't be remembered: there is no Swarm yet",
        "./skp.py docker.swarm-init",
    )


def _operation(name: str, via: str, decisions: Decisions, scope: Scope) -> DecisionOperation | None:
    """Return the operation for one service; None when the Swarm remembers it already."""
    if scope.goal is Goal.REMOVE:
        after = decisions.stop(name)
    elif scope.goal is Goal.ROLLBACK:
        after = decisions.pin(name, scope.pins[name])
    else:
        after = decisions.run(name, scope.options)
    if after == decisions:
        return None
    differences = _decided(name, decisions, after)
    if scope.goal is Goal.REMOVE:
        return StopService(via, name, differences)
    if scope.goal is Goal.ROLLBACK:
        return PinImages(via, name, dict(scope.pins[name]), differences)
    options = dict(scope.options)
    if name in decisions.stopped:
        return ReleaseService(via, name, options, differences)
    return SetOptions(via, name, options, differences)


def _decided(name: str, before: Decisions, after: Decisions) -> tuple[Difference, ...]:
    pairs = [(before.options, after.options), (before.pinned, after.pinned)]
    return tuple(
        difference
        for old, new in pairs
        for difference in _differing(new.get(name, {}), old.get(name, {}))
    )


def _differing(new: Mapping[str, str], old: Mapping[str, str]) -> list[Difference]:
    changed = [key for key in {**old, **new} if new.get(key) != old.get(key)]
    return [Difference(key, new.get(key), old.get(key)) for key in changed]
