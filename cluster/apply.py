"""Applying a plan: wave by wave, all nodes at once, to the end whatever fails on the way."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cluster.errors import NodeError
from cluster.node import Node
from cluster.perform import Context, perform
from cluster.plan import waves
from cluster.step import Action, Kind, Step


class Outcome(StrEnum):
    """How a step ended."""

    KEPT = "unchanged"
    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """A step and what became of it; `seconds` is the wall-clock time it took."""

    step: Step
    outcome: Outcome
    detail: str = ""
    hint: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.outcome not in (Outcome.FAILED, Outcome.SKIPPED)


def apply(context: Context, steps: Iterable[Step]) -> list[Result]:
    """Carry out the steps that change something; one node's failure never stops the others."""
    steps = list(steps)
    results: list[Result] = []
    for wave in waves(steps):
        failed = _failed_services(results)
        ready = [step for step in wave if not failed & set(step.after)]
        results += [_skipped(step, failed) for step in wave if step not in ready]
        results += _wave(context, ready)
    return results


def _wave(context: Context, steps: list[Step]) -> list[Result]:
    by_node: dict[str, list[Step]] = {}
    for step in steps:
        by_node.setdefault(_performer(context, step), []).append(step)

    def run(node: Node) -> list[Result]:
        return [_one(context, step) for step in by_node[node.name]]

    done = context.fleet.each(run, by_node)
    return [result for name in by_node for result in done.values[name]]


def _performer(context: Context, step: Step) -> str:
    """Return the node whose thread carries out `step`: entries of the Swarm go through one."""
    if step.kind is Kind.SWARM and step.action in (Action.LABEL, Action.ROLE):
        assert context.state.swarm is not None
        return context.state.swarm.via
    return step.node


def _one(context: Context, step: Step) -> Result:
    context.say(f"{step.node}: {step.action} {step.name}")
    begun = time.monotonic()
    try:
        detail = perform(context, step)
    except NodeError as error:
        # The node that failed may be another one (a manager that was asked): it is in `what`.
        what = error.what.removeprefix(f"{step.node}: ")
        return Result(step, Outcome.FAILED, what, error.hint, time.monotonic() - begun)
    return Result(step, Outcome.DONE, detail, "", time.monotonic() - begun)


def _failed_services(results: Iterable[Result]) -> set[str]:
    return {r.step.container.service for r in results if r.step.container and not r.ok}


def _skipped(step: Step, failed: set[str]) -> Result:
    missing = ", ".join(sorted(failed & set(step.after)))
    return Result(step, Outcome.SKIPPED, f"it needs {missing}, which failed")
