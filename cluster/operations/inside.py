"""Asking a container something: a command of its own is run inside it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from cluster.connectors.node import Node
from cluster.errors import DeadlineError

_PAUSE = 0.1


def ask(
    node: Node, container: str, command: Sequence[str], doing: str, seconds: float | None = None
) -> tuple[int, str]:
    """Run a command in a container; return its exit code, and what it said.

    Args:
        container: its name or id.
        doing: what for, for the message of an error.
        seconds: how long a request may be without an answer, if not the usual deadline.

    Raises:
        NodeError: it can't be asked; DeadlineError: it does not answer, or does not end.
    """
    with node.talking(doing, seconds) as engine:
        made = str(engine.exec_create(container, list(command))["Id"])
        what = f"{doing}: {' '.join(command)} does not end within {engine.timeout} s"
        end = time.monotonic() + engine.timeout
        try:
            said = engine.exec_output(made)
        except TimeoutError:
            raise DeadlineError(node.name, what) from None
        # A command's output may end before it does; until then its exit code is null.
        while (code := engine.exec_inspect(made)["ExitCode"]) is None:
            if time.monotonic() > end:
                raise DeadlineError(node.name, what)
            time.sleep(_PAUSE)
    return int(code), said.decode(errors="replace").strip()
