"""The items for the setup steps of services, among those of their containers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.model.item import Deferred, Item, Kind
from cluster.model.setup import SetupCommand, SetupStep
from cluster.model.spec import Container
from cluster.model.state import State
from cluster.operations.container_body import labels
from cluster.operations.container_run import RunCommand, RunJob
from cluster.plan.containers import (
    Rules,
    blocked,
    defer_behind,
    limited,
    missing_prerequisites,
    obstacle_of,
)


def with_setup(
    items: Sequence[Item], setup: Iterable[SetupStep], state: State, rules: Rules
) -> list[Item]:
    """Return all items with those of `setup`; what waits for a blocked one is deferred."""
    every = [*items, *(_planned(step, state, rules) for step in setup)]
    return [defer_behind(item, every) for item in every]


def job(container: Container, identity: str, seconds: float, rules: Rules) -> RunJob:
    """Return the operation that runs `container` to its end.

    Args:
        identity: the id or digest of its image.
        seconds: the deadline.
    """
    made = labels(container, identity, None, rules.key)
    return RunJob(container, identity, made, rules.master, seconds)


def _planned(step: SetupStep, state: State, rules: Rules) -> Item:
    """Return the item for a setup step: an operation, or why it can't be carried out now."""
    container = step.container
    if container.node in state.unreachable:
        return blocked(container, "the node can't be reached", step.hint)
    if isinstance(step, SetupCommand):
        place = (container.node, container.name)
        return RunCommand(*place, step.command, step.seconds, container=container)
    node, identity = state.nodes[container.node], rules.identify(container)
    if obstacle := obstacle_of(container, node, rules):
        return blocked(container, *obstacle)
    reason, hint = missing_prerequisites(container, state, rules)
    if reason:
        place = (container.node, container.name)
        return Deferred(Kind.CONTAINER, *place, reason, hint, container)
    return job(limited(container, node), identity, step.seconds, rules)
