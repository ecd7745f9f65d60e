"""A change that is not a matter of converging: what was found to be done, to show or to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cluster.commands.audit import Audit
from cluster.commands.converge import Talk
from cluster.commands.report import Report
from cluster.config.secrets import SPEC_KEY, Kept
from cluster.connectors.fleet import Fleet
from cluster.errors import NodeError
from cluster.lock.lock import Lock, locked
from cluster.model.redaction import known
from cluster.model.service import Cluster
from cluster.model.state import State
from cluster.model.step import Step
from cluster.operations.dispatch import Busy, Context
from cluster.operations.executor import Outcome, Result, apply
from cluster.operations.image_transfer import Spool
from cluster.plan.plan import look as observed


@dataclass(frozen=True)
class Change:
    """The steps of a command, with what a person should know before and afterwards.

    Attributes:
        steps: also those that stand, with their reasons.
        unreachable: chosen nodes that could not be asked.
        warnings: see `Report`.
        question: what a person has to agree to before the steps are done; "" for nothing.
        busy: what is done about a container that is at work.
    """

    steps: tuple[Step, ...]
    unreachable: Mapping[str, NodeError] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    question: str = ""
    busy: Busy = Busy.SKIP


def show(change: Change) -> Report:
    """Return what a dry run shows."""
    return _report(change, [Result(s, Outcome.PLANNED) for s in change.steps if s.acts])


def carry_out(
    look: Callable[[Fleet], Change], cluster: Cluster, fleet: Fleet, command: str, talk: Talk
) -> Report:
    """Do the steps that `look` finds, in their order; one that fails stops what builds on it.

    The person is asked before the lock is taken, and with the lock held it is looked once more.

    Args:
        command: what was typed, for those who meet the lock.

    Raises:
        LockedError: another command is changing the cluster.
        SkpError: what `look` raises, or the person said no.
    """
    change = look(fleet)
    if not any(step.changes for step in change.steps):
        return _report(change, [])
    if change.question:
        talk.confirm(change.question)
    state = observed(cluster, fleet, ())
    with locked(fleet, cluster.inventory.master.name, command, state, talk.say) as lock:
        change = look(fleet)
        audit, results = Audit(fleet, cluster.inventory, lock.me), list[Result]()
        warnings = audit.begin(lock.left)
        with audit.ending(results, warnings):
            _apply(change, cluster, fleet, state, lock, talk, results)
    return _report(change, results, warnings)


def _apply(
    change: Change,
    cluster: Cluster,
    fleet: Fleet,
    state: State,
    lock: Lock,
    talk: Talk,
    results: list[Result],
) -> None:
    with Spool() as spool:
        context = Context(
            fleet, cluster.settings, cluster.inventory, cluster.secrets[SPEC_KEY], Kept(), state,
            spool, talk.say, lock.check, known(cluster, state), change.busy,
        )  # fmt: skip
        apply(context, change.steps, results)


def _report(change: Change, results: Sequence[Result], warnings: Sequence[str] = ()) -> Report:
    rest = [
        Result(s, Outcome.SKIPPED, s.reason, s.hint) if s.stands else Result(s, Outcome.KEPT)
        for s in change.steps
        if not s.acts
    ]
    return Report((*results, *rest), change.unreachable, (*change.warnings, *warnings))
