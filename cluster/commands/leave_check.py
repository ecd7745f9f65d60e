"""A node that is to leave the Swarm: what runs there is asked first whether it may go for good."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.model.state import FoundContainer, State
from cluster.model.step import Action, Kind, Step
from cluster.operations.dispatch import Busy
from cluster.operations.rolling import may_go


def held_back(fleet: Fleet, steps: Iterable[Step], state: State, busy: Busy) -> tuple[Step, ...]:
    """Return `steps`, with a block in place of all those of a node that may not leave yet.

    When the Swarm itself ends nothing goes for good: all data stays where it is, and together.
    """
    steps = tuple(steps)
    leaving = {step.node for step in steps if step.action is Action.LEAVE}
    members = state.swarm.nodes.values() if state.swarm else ()
    if len(leaving) == sum(not member.joining for member in members):
        return steps
    asked: dict[str, list[FoundContainer]] = {}
    for step in steps:
        if step.node in leaving and step.found is not None and step.found.leaving:
            asked.setdefault(step.node, []).append(step.found)

    def ask(node: Node) -> None:
        for container in asked[node.name]:
            may_go(node, container, busy)

    refused = fleet.each(ask, asked).errors
    return (
        *(step for step in steps if step.node not in refused),
        *(
            Step(
                Kind.LEAVE, Action.BLOCK, name, "swarm",
                reason=error.what.removeprefix(f"{name}: "), hint=error.hint,
            )
            for name, error in refused.items()
        ),
    )  # fmt: skip
