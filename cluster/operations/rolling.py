"""Rolling changes: a service has to have recovered before its next container is touched."""

from __future__ import annotations

import time

from cluster.connectors.node import Node
from cluster.errors import DeadlineError, NodeError
from cluster.model.policy import Busy
from cluster.model.state import FoundContainer
from cluster.operations.inside import ask

_PAUSE = 1.0  # seconds between two looks: each may start a program in the container


def wait_ready(node: Node, name: str, command: tuple[str, ...], busy: Busy) -> None:
    """Wait until `command` in the container `name` ends with 0; without a command: not at all.

    Raises:
        DeadlineError: it does not in time, with what it says. NodeError: it can't be asked.
    """
    if not command or busy is Busy.REPLACE:
        return
    limit = node.deadlines.settled
    end = time.monotonic() + limit
    while reason := _refusal(node, name, command):
        if time.monotonic() > end:
            raise DeadlineError(
                node.name,
                f"{name} may not be followed by the next after {limit:.0f} s: {reason}",
                "What comes after it was left as it is; --busy replace does not wait.",
            )
        time.sleep(_PAUSE)


def may_go(node: Node, container: FoundContainer, busy: Busy) -> None:
    """Return when `container` may be taken away for good.

    Raises:
        NodeError: it may not, with why, or it can't be asked.
    """
    if busy is Busy.REPLACE or not container.removal_check:
        return
    if container.status != "running":
        raise NodeError(
            node.name,
            f"{container.name} is {container.status} and can't say whether it may go",
            "Start it, or --busy replace does not care.",
        )
    if reason := _refusal(node, container.name, container.removal_check):
        raise NodeError(
            node.name,
            f"{container.name} may not go yet: {reason}",
            "It was left as it is; --busy replace does not care.",
        )


def _refusal(node: Node, name: str, command: tuple[str, ...]) -> str:
    """Return what `command` says when it does not end with 0; "" when it does."""
    doing = f"asking {name} whether it can be missed"
    code, said = ask(node, name, command, doing, node.deadlines.start)
    return "" if code == 0 else said or f"{' '.join(command)} ended with {code}"
