"""Carrying out operations: in waves, on all nodes at once, to the end even if some fail."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from cluster.connectors.node import Node
from cluster.errors import NodeError, unexpected
from cluster.lock.holder import LockedError
from cluster.model.item import Item, Key
from cluster.model.order import needed, waves
from cluster.model.result import Outcome, Result
from cluster.operations.base import BusyError, Context, Operation

_BUSY_HINT = "It was left as it is: --busy wait waits for it, --busy replace does not care."


def execute(
    context: Context, items: Iterable[Item], failed: Collection[Key] = frozenset()
) -> Iterator[Result]:
    """Carry out the operations among `items`, and yield the result of each, wave by wave.

    The failure of one node never stops the others. An operation that waits for one that failed is
    skipped.

    Args:
        failed: the keys of items that failed earlier in the same command; they are not tried again.
    """
    items, failed = list(items), set(failed)
    operations = [i for i in items if isinstance(i, Operation) and i.key not in failed]
    for wave in waves(operations):
        missing = {o.key: [n for n in needed(o, items) if n.key in failed] for o in wave}
        done = [_skipped(o, missing[o.key][0]) for o in wave if missing[o.key]]
        by_node: dict[str, list[Operation]] = {}
        for operation in wave:
            if not missing[operation.key]:
                by_node.setdefault(operation.performer, []).append(operation)
        found = context.fleet.ask(partial(_perform, context, by_node), by_node)
        done += [result for results in found.values.values() for result in results]
        done += _broken(by_node, found.errors)
        failed |= {result.item.key for result in done if not result.ok}
        yield from done


def _perform(
    context: Context, by_node: Mapping[str, Iterable[Operation]], node: Node
) -> list[Result]:
    """Carry out the operations that one node performs, one after another."""
    return [context.progress.end(attempt(context, o)) for o in by_node[node.name]]


def _broken(
    by_node: Mapping[str, Iterable[Operation]], errors: Mapping[str, NodeError]
) -> list[Result]:
    """Return what became of operations whose node's thread failed as a whole."""
    return [
        Result(operation, Outcome.FAILED, error.what, error.hint)
        for name, error in errors.items()
        for operation in by_node[name]
    ]


def attempt(context: Context, operation: Operation) -> Result:
    """Carry out one operation; whatever goes wrong becomes its result."""
    progress = context.progress.begin(operation)
    begun = time.monotonic()
    try:
        context.check()
        detail = operation.execute(replace(context, progress=progress))
    except BusyError as error:
        outcome, what, hint = Outcome.BUSY, str(error), _BUSY_HINT
    except LockedError as error:
        what = f"the lock was lost: {error.what}"
        return Result(operation, Outcome.SKIPPED, what, error.hint)
    except NodeError as error:
        # The node that failed may be another one (a manager that was asked): it is in `what`.
        what = error.what.removeprefix(f"{operation.node}: ")
        outcome, hint = Outcome.FAILED, error.hint
    except Exception as error:  # noqa: BLE001 - the other operations go on, and it is reported
        fault = unexpected(operation.node, error)
        outcome, what, hint = Outcome.FAILED, fault.what, fault.hint
    else:
        outcome, what, hint = operation.outcome(detail), detail, ""
    return Result(operation, outcome, what, hint, time.monotonic() - begun)


def _skipped(operation: Operation, missing: Item) -> Result:
    what = f"it needs {missing.name} on {missing.node}, which failed"
    return Result(operation, Outcome.SKIPPED, what)
