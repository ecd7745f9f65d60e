"""A change that is not a matter of converging: what was found to be done, to show or to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.apply import Outcome, Result, apply
from cluster.errors import NodeError
from cluster.fleet import Fleet
from cluster.mask import Mask
from cluster.perform import Context, Say
from cluster.report import Report
from cluster.secrets import SPEC_KEY
from cluster.service import Cluster
from cluster.state import State
from cluster.step import Step
from cluster.transfer import Spool


@dataclass(frozen=True)
class Change:
    """The steps of a command, with what a person should know before and afterwards.

    Attributes:
        steps: also those that stand, with their reasons.
        unreachable: chosen nodes that could not be asked.
        warnings: see `Report`.
        question: what a person has to agree to before the steps are done; "" for nothing.
    """

    steps: tuple[Step, ...]
    unreachable: Mapping[str, NodeError] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    question: str = ""

    @property
    def asks(self) -> str:
        """The question, if there is something to do at all."""
        return self.question if any(step.changes for step in self.steps) else ""


def show(change: Change) -> Report:
    """Return what a dry run shows."""
    return _report(change, [Result(s, Outcome.PLANNED) for s in change.steps if s.acts])


def carry_out(change: Change, cluster: Cluster, fleet: Fleet, say: Say) -> Report:
    """Do the steps, in their order; one that fails stops only what builds on it."""
    state = State({}, change.unreachable, None)
    key, mask = cluster.secrets[SPEC_KEY], Mask(cluster.secrets.values())
    with Spool() as spool:
        context = Context(fleet, cluster.settings, cluster.inventory, key, state, spool, say, mask)
        return _report(change, apply(context, change.steps))


def _report(change: Change, results: list[Result]) -> Report:
    rest = [
        Result(s, Outcome.SKIPPED, s.reason, s.hint) if s.stands else Result(s, Outcome.KEPT)
        for s in change.steps
        if not s.acts
    ]
    return Report((*results, *rest), change.unreachable, change.warnings)
