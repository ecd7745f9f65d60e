"""A change that is not a matter of converging: what was found to be done, to show or to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cluster.commands.audit import Audit
from cluster.commands.converge import Console
from cluster.commands.outcome import standing
from cluster.commands.report import Report
from cluster.connectors.fleet import Fleet
from cluster.errors import NodeError
from cluster.facts.cluster import observe_cluster, unknown_options
from cluster.lock.lock import locked
from cluster.model.cluster import Cluster, Declared
from cluster.model.item import Item
from cluster.model.policy import Progress
from cluster.model.redaction import known
from cluster.model.result import Outcome, Result
from cluster.operations.base import Context
from cluster.operations.executor import execute


@dataclass(frozen=True)
class Change:
    """The items of a command, with what a person should know before and afterwards.

    Attributes:
        items: also those that can't be carried out, with their reasons.
        unreachable: chosen nodes that could not be asked.
        warnings: see `Report`.
        question: what a person has to agree to before anything is done; "" for nothing.
    """

    items: tuple[Item, ...]
    unreachable: Mapping[str, NodeError] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    question: str = ""


Find: TypeAlias = Callable[[Cluster, Fleet], Change]
"""Finds what is to be done, on the cluster as it is."""


def show(change: Change) -> Report:
    """Return what a dry run shows."""
    return _report(change, [Result(i, Outcome.PLANNED) for i in change.items if i.is_action])


def carry_out(
    find: Find, declared: Declared, fleet: Fleet, command: str, console: Console
) -> Report:
    """Do what `find` finds to be done, in its order; one that fails stops what builds on it.

    The person is asked before the lock is taken, and with the lock held it is looked once more.

    Args:
        command: what was typed, for those who meet the lock.

    Raises:
        LockedError: another command is changing the cluster.
        SkpError: what `find` raises, or the person said no.
    """
    view = observe_cluster(declared, fleet, ())
    change = find(view.cluster, fleet)
    if not any(item.changes for item in change.items):
        return _report(change, [], unknown_options(view))
    if change.question:
        console.confirm(change.question)
    master = declared.inventory.master.name
    with locked(fleet, master, command, view.state, console.say) as lock:
        view = observe_cluster(declared, fleet, ())
        change = find(view.cluster, fleet)
        audit, results = Audit(fleet, declared.inventory, lock.me), list[Result]()
        audit.begin(lock.left)
        progress = Progress(console.say, known(view.cluster, view.state))
        with audit.recording(results):
            for result in execute(Context(fleet, progress, lock.check), change.items):
                results.append(result)
    return _report(change, results, (*unknown_options(view), *audit.complaints))


def _report(change: Change, results: Sequence[Result], complaints: Sequence[str] = ()) -> Report:
    rest = [
        standing(item, planned=False) if item.is_blocked else Result(item, Outcome.UNCHANGED)
        for item in change.items
        if not item.is_action
    ]
    return Report((*results, *rest), change.unreachable, (*change.warnings, *complaints))
