"""Changes that do not converge (a restart, a removal of images): found, confirmed, carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from cluster.commands.audit import Audit
from cluster.commands.converge import Console
from cluster.commands.outcome import standing
from cluster.commands.report import Report
from cluster.config import secrets_file
from cluster.connectors.fleet import Fleet
from cluster.errors import NodeError
from cluster.facts.cluster import observe_cluster, unknown_options
from cluster.lock.lock import locked
from cluster.model.cluster import Cluster, Declared, View
from cluster.model.item import Item
from cluster.model.result import Outcome, Result
from cluster.operations.base import Context
from cluster.operations.executor import execute
from cluster.plan.secrets import stored_secrets, unknown_secrets


@dataclass(frozen=True)
class Change:
    """The items of a command, with what a person is asked before and told afterwards.

    Attributes:
        items: operations, and items that can't be carried out, with their reasons.
        unreachable: the chosen nodes that could not be asked, and why.
        warnings: see `Report`.
        question: what a person has to confirm before anything is done; "" for nothing.
        stores_secrets: whether it stores secrets, those that were chosen or generated for it.
    """

    items: tuple[Item, ...]
    unreachable: Mapping[str, NodeError] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    question: str = ""
    stores_secrets: bool = False


Find: TypeAlias = Callable[[Cluster, Fleet], Change]
"""Returns the change to be made to the cluster as it is."""


def show(find: Find, declared: Declared, fleet: Fleet) -> Report:
    """Return the report of a dry run of the change that `find` returns.

    Raises:
        SkpError: what `find` raises.
    """
    view = observe_cluster(declared, fleet, ())
    change = _found(find, view, fleet)
    planned = [Result(i, Outcome.PLANNED) for i in change.items if i.is_action]
    return _report(change, planned, unknown_options(view))


def carry_out(
    find: Find, declared: Declared, fleet: Fleet, command: str, console: Console
) -> Report:
    """Carry out the change that `find` returns, and return the report.

    The person is asked before the lock is taken; with the lock held, `find` is called again. An
    operation that fails stops those that wait for it.

    Args:
        command: the command's name, for the lock and the audit trail.

    Raises:
        LockedError: another command is changing the cluster.
        SkpError: what `find` raises, or the person did not agree.
    """
    view = observe_cluster(declared, fleet, ())
    change = _found(find, view, fleet)
    if change.stores_secrets:
        secrets_file.check(secrets_file.path(declared.settings))
    if not any(item.changes for item in change.items):
        return _report(change, [], unknown_options(view))
    if change.question:
        console.confirm(change.question)
    master = declared.inventory.master.name
    with locked(fleet, master, command, view.state, console.say) as lock:
        view = observe_cluster(declared, fleet, ())
        change = _found(find, view, fleet)
        audit, results = Audit(fleet, declared.inventory, lock.me), list[Result]()
        audit.begin(lock.left)
        progress = console.progress(view)
        with audit.recording(results):
            _keep_secrets(change, view, declared)
            for result in execute(Context(fleet, progress, lock.check), change.items):
                results.append(result)
    return _report(change, results, (*unknown_options(view), *audit.complaints))


def _found(find: Find, view: View, fleet: Fleet) -> Change:
    """Return the change that `find` returns, with the items that store secrets."""
    change = find(view.cluster, fleet)
    if not change.stores_secrets:
        return change
    if view.doubt:
        return replace(change, items=(unknown_secrets(*view.doubt),))
    storing = stored_secrets(view.cluster, view.state, view.resolved.stored)
    return replace(change, items=(*storing, *change.items))


def _keep_secrets(change: Change, view: View, declared: Declared) -> None:
    """Update this machine's copy before the managers', as where a service needs a new password."""
    local, path = view.resolved.local, secrets_file.path(declared.settings)
    if change.stores_secrets and not view.doubt and secrets_file.read(path) != local:
        secrets_file.write(path, local)


def _report(change: Change, results: Sequence[Result], complaints: Sequence[str] = ()) -> Report:
    rest = [
        standing(item, planned=False) if item.is_blocked else Result(item, Outcome.UNCHANGED)
        for item in change.items
        if not item.is_action
    ]
    return Report((*results, *rest), change.unreachable, (*change.warnings, *complaints))
