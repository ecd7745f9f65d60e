"""The report of a command that converges: results, items that wait, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.commands.report import Report
from cluster.config.inventory import Host
from cluster.model import admission, unchangeable
from cluster.model.cluster import Cluster, View
from cluster.model.item import Deferred, Item
from cluster.model.result import Outcome, Result
from cluster.model.state import State, clock_warnings
from cluster.plan.plan import Plan
from cluster.plan.scope import Goal, Scope, covers


def converged(
    scope: Scope,
    hosts: Iterable[Host],
    plan: Plan,
    results: Sequence[Result],
    complaints: Iterable[str],
) -> Report:
    """Return the report of a command.

    Args:
        hosts: the nodes that were asked.
        plan: the last plan.
        results: those of its operations, and of earlier rounds.
        complaints: further warnings.
    """
    view = plan.view
    state, cluster = view.state, view.cluster
    reported = {result.item.key for result in results}
    rest = [item for item in plan.items if item.key not in reported]
    unchanged = [i for i in rest if not i.changes and not i.is_blocked]
    planned = scope.dry and any(result.item.changes for result in results)
    errors = {h.name: e for h in hosts if (e := state.unreachable.get(h.name))}
    return Report(
        (
            *results,
            *(Result(item, Outcome.UNCHANGED) for item in unchanged),
            *(standing(item, planned) for item in rest if item.is_blocked),
        ),
        {name: error for name, error in errors.items() if name in scope.nodes},
        (
            *cluster.settings.warnings,
            *cluster.inventory.warnings,
            *(line for service in scope.services for line in service.warnings(cluster)),
            *(str(error) for name, error in errors.items() if name not in scope.nodes),
            *_partly(cluster, scope),
            *_overruled(view),
            *clock_warnings(state.nodes),
            *admission.warnings(cluster.inventory, state),
            *unchangeable.warnings(cluster, state),
            *complaints,
        ),
        *_remembered(cluster, state, scope),
    )


def standing(item: Item, planned: bool) -> Result:
    """Return the result of an item that could not be carried out.

    Args:
        planned: whether what it waits for is planned, in a dry run.
    """
    reason, hint = getattr(item, "reason", ""), getattr(item, "hint", "")
    if planned and isinstance(item, Deferred):
        return Result(item, Outcome.PLANNED, f"later: {reason}")
    return Result(item, Outcome.SKIPPED, reason, hint)


def _partly(cluster: Cluster, scope: Scope) -> list[str]:
    """Warn of services of which some nodes only are chosen: the goal is not remembered then."""
    if scope.goal is Goal.APPLY:
        return []
    what = {
        Goal.REMOVE: "goes on the chosen nodes only; docker.apply brings it back there",
        Goal.RUN: "is run on the chosen nodes only; what is held or rolled back stays so elsewhere",
        Goal.ROLLBACK: "is rolled back on the chosen nodes only; docker.apply brings it forward "
        "there",
    }[scope.goal]
    partial = [service for service in scope.services if not covers(cluster, scope, service)]
    return [f"{service.name} {what}" for service in partial]


def _overruled(view: View) -> list[str]:
    """Warn of secrets that this machine had other values for than the cluster."""
    return [
        f"{key}: the cluster's value is used, not the one in etc/secrets.env; to set one "
        "yourself, use bin/env.sh"
        for key in view.resolved.overruled
    ]


def _remembered(
    cluster: Cluster, state: State, scope: Scope
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the services with a label that stay stopped, and those that stay rolled back."""
    if state.swarm is None or scope.goal is not Goal.APPLY:
        return (), ()
    names = [service.name for service in scope.services if service.hosts(cluster)]
    decisions = state.swarm.decisions
    return (
        tuple(name for name in names if name in decisions.stopped),
        tuple(name for name in names if name in decisions.pinned),
    )
