"""Pure: what has to be done once before a service's containers can work, among their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cluster.model.spec import Container
from cluster.model.state import State
from cluster.model.step import Action, Step
from cluster.plan.containers import lacking, obstacle_of, waiting


def with_first(
    steps: Sequence[Step],
    first: Iterable[Step],
    state: State,
    identify: Callable[[Container], str],
    home: str,
) -> list[Step]:
    """Return the containers' steps with those that come first, each waiting for what it needs.

    Args:
        first: what has to be done before some of the containers.
    """
    every = [*steps, *(_early(step, state, identify, home) for step in first)]
    return [waiting(step, every) for step in every]


def _early(step: Step, state: State, identify: Callable[[Container], str], home: str) -> Step:
    """Return `step`, of those that come first, as it can be done now."""
    container = step.container
    assert container is not None
    if container.node in state.unreachable:
        return replace(step, action=Action.BLOCK, reason="the node can't be reached")
    if step.action is not Action.JOB:
        return step
    node, identity = state.nodes[container.node], identify(container)
    if obstacle := obstacle_of(container, node, home):
        return replace(step, action=Action.BLOCK, reason=obstacle[0], hint=obstacle[1])
    reason, hint = lacking(container, state, node, identity)
    if reason:
        return replace(step, action=Action.DEFER, reason=reason, hint=hint)
    return replace(step, identity=identity)
