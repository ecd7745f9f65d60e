"""The items that need a running service, and therefore follow its containers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Item
from cluster.model.service import Service
from cluster.model.state import State
from cluster.operations.container import CreateContainer, ReplaceContainer
from cluster.plan.containers import defer_behind
from cluster.plan.scope import Goal, Scope


def plan_follow_ups(
    services: Iterable[Service],
    cluster: Cluster,
    state: State,
    scope: Scope,
    items: Sequence[Item],
) -> Iterator[Item]:
    """Yield the follow-ups of services that are run, or have a container created or replaced.

    Args:
        items: the other items of the plan.
    """
    made = {i.service for i in items if isinstance(i, CreateContainer | ReplaceContainer)}
    for service in services:
        if scope.goal is Goal.RUN or service.name in made:
            for item in service.after_run(cluster, state):
                if item.node in state.unreachable:
                    reason = "the node can't be reached"
                    yield Blocked(item.kind, item.node, item.name, reason)
                else:
                    yield defer_behind(item, [*items, item])
