"""Runs a command and kills it, with SIGKILL, after its nth change. Not a test: a way to die.

    python tests/support/killer.py steps|requests N TASK...

"steps" counts operations that changed something; "requests" counts every request that changes an
engine and every command that runs as root on a node.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from cli.program import program
from cluster.connectors.engine import Engine
from cluster.connectors.node import Node
from cluster.model.result import Outcome, Result
from cluster.operations import executor
from tasks import ns


def dying(after: int, function: Callable[..., Any], counts: Callable[..., bool]) -> Any:
    """Return `function`, which ends the process when it has counted to `after`."""

    def wrapped(*words: Any, **named: Any) -> Any:
        result = function(*words, **named)
        if counts(result) and next(COUNTER) >= after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def always(_: object) -> bool:
    """Count every call."""
    return True


def changed(result: Result) -> bool:
    """Count an operation that changed something."""
    return result.outcome is Outcome.DONE


COUNTER = itertools.count(1)
what, number, *words = sys.argv[1:]
if what == "steps":
    executor.attempt = dying(int(number), executor.attempt, changed)
else:
    for method in ("post", "put", "delete"):
        setattr(Engine, method, dying(int(number), getattr(Engine, method), always))
    setattr(Node, "sudo", dying(int(number), Node.sudo, always))  # noqa: B010 - as above
program(ns).run(["skp.py", *words])
