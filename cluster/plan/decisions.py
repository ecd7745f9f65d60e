"""Pure: the steps that make the Swarm remember what is wanted of services."""

from __future__ import annotations

from dataclasses import replace

from cluster.model.decisions import Intent
from cluster.model.service import Cluster
from cluster.model.state import State
from cluster.model.step import Action, Difference, Kind, Step
from cluster.plan.scope import Scope, Wish, covers


def plan_intents(cluster: Cluster, state: State, scope: Scope) -> list[Step]:
    """Return the steps that make the Swarm remember what is wanted of whole services."""
    if scope.wish is Wish.AS_LABELLED:
        return []
    if state.swarm is None:
        return [] if not scope.options else [_unremembered(cluster, scope)]
    intent, via = state.swarm.intent, state.swarm.via
    chosen = [s.name for s in scope.services if covers(cluster, scope, s)]
    steps = [_intent(name, intent, scope) for name in chosen]
    return [replace(step, node=via) for step in steps if step is not None]


def _unremembered(cluster: Cluster, scope: Scope) -> Step:
    return Step(
        Kind.INTENT, Action.DEFER, cluster.inventory.master.name, scope.services[0].name,
        reason="options can't be remembered: there is no Swarm yet",
        hint="./skp.py docker.swarm-init",
    )  # fmt: skip


def _intent(name: str, intent: Intent, scope: Scope) -> Step | None:
    """Return the step that makes the Swarm remember what is wanted of one service."""
    if scope.wish is Wish.DOWN:
        after, action, values = intent.hold(name), Action.HOLD, {}
    elif scope.wish is Wish.BACK:
        values = dict(scope.pins[name])
        after, action = intent.pin(name, values), Action.PIN
    else:
        values = dict(scope.options)
        after = intent.run(name, values)
        action = Action.RELEASE if name in intent.held else Action.SET
    if after == intent:
        return None
    return Step(
        Kind.INTENT, action, "", name, values=values, differences=_decided(name, intent, after)
    )


def _decided(name: str, before: Intent, after: Intent) -> tuple[Difference, ...]:
    pairs = [(before.options, after.options), (before.pinned, after.pinned)]
    return tuple(
        Difference(key, new.get(name, {}).get(key), old.get(name, {}).get(key))
        for old, new in pairs
        for key in {**old.get(name, {}), **new.get(name, {})}
        if new.get(name, {}).get(key) != old.get(name, {}).get(key)
    )
