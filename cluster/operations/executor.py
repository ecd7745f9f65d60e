"""Applying a plan: wave by wave, all nodes at once, to the end whatever fails on the way."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from cluster.connectors.node import Node
from cluster.errors import NodeError, unexpected
from cluster.lock.lock import LockedError
from cluster.model.step import Action, Key, Kind, Step, needed
from cluster.operations.dispatch import BusyError, Context, perform
from cluster.plan.containers import waves

_OF_AN_ENTRY = (Action.LABEL, Action.ROLE, Action.DRAIN, Action.ACTIVATE)
_BUSY_HINT = "It was left as it is: --busy wait waits for it, --busy replace does not care."


class Outcome(StrEnum):
    """How a step ended."""

    KEPT = "unchanged"
    PLANNED = "planned"
    DONE = "done"
    BUSY = "busy"
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


def apply(
    context: Context,
    steps: Iterable[Step],
    results: list[Result],
    failed: Collection[Key] = frozenset(),
) -> None:
    """Carry out the steps that change something; one node's failure never stops the others.

    Args:
        results: gets what became of each step, wave by wave.
        failed: what failed before in the same command: not tried again, and not built upon.
    """
    steps, failed = list(steps), set(failed)
    for wave in waves(s for s in steps if s.key not in failed):
        missing = {s.key: [n for n in needed(s, steps) if n.key in failed] for s in wave}
        done = [_skipped(s, missing[s.key][0]) for s in wave if missing[s.key]]
        done += _wave(context, [s for s in wave if not missing[s.key]])
        failed |= {result.step.key for result in done if not result.ok}
        results += done


def _wave(context: Context, steps: list[Step]) -> list[Result]:
    by_node: dict[str, list[Step]] = {}
    for step in steps:
        by_node.setdefault(_performer(context, step), []).append(step)

    def run(node: Node) -> list[Result]:
        return [_one(context, step) for step in by_node[node.name]]

    done = context.fleet.each(run, by_node)
    broken = [
        Result(step, Outcome.FAILED, error.what, error.hint)
        for name, error in done.errors.items()
        for step in by_node[name]
    ]
    return [result for results in done.values.values() for result in results] + broken


def _performer(context: Context, step: Step) -> str:
    """Return the node whose thread carries out `step`: entries of the Swarm go through one."""
    entry = step.kind is Kind.SWARM and step.action in _OF_AN_ENTRY
    gone = step.action is Action.LEAVE and step.node not in context.state.nodes
    return context.swarm.via if entry or gone else step.node


def _one(context: Context, step: Step) -> Result:
    context.say(f"{step.node}: {step.action} {step.name}")
    begun = time.monotonic()
    try:
        context.check()
        detail = perform(context, step)
    except BusyError as error:
        return Result(step, Outcome.BUSY, str(error), _BUSY_HINT, time.monotonic() - begun)
    except LockedError as error:
        return Result(step, Outcome.SKIPPED, f"the lock was lost: {error.what}", error.hint)
    except NodeError as error:
        # The node that failed may be another one (a manager that was asked): it is in `what`.
        what = error.what.removeprefix(f"{step.node}: ")
        return Result(step, Outcome.FAILED, what, error.hint, time.monotonic() - begun)
    except Exception as error:  # noqa: BLE001 - the other steps go on, and it is reported
        fault = unexpected(step.node, error)
        return Result(step, Outcome.FAILED, fault.what, fault.hint, time.monotonic() - begun)
    outcome = Outcome.DONE if step.changes else Outcome.KEPT
    return Result(step, outcome, detail, "", time.monotonic() - begun)


def _skipped(step: Step, missing: Step) -> Result:
    what = f"it needs {missing.name} on {missing.node}, which failed"
    return Result(step, Outcome.SKIPPED, what)
