"""A container that is at work is not replaced behind somebody's back."""

from __future__ import annotations

import time

from cluster.connectors.node import Node
from cluster.model.policy import Busy
from cluster.model.state import FoundContainer
from cluster.operations.base import BusyError
from cluster.operations.inside import ask

_PAUSE = 2.0  # seconds between two looks: somebody's work takes minutes


def leave_if_busy(node: Node, container: FoundContainer, busy: Busy) -> None:
    """Return when a running container may be replaced or removed.

    Raises:
        BusyError: it is at work, or still at work after the deadline. NodeError: it can't be asked.
    """
    if busy is Busy.REPLACE:
        return
    end = time.monotonic() + (node.deadlines.busy if busy is Busy.WAIT else 0)
    while work := _work(node, container):
        if time.monotonic() >= end:
            raise BusyError(work)
        time.sleep(_PAUSE)


def _work(node: Node, container: FoundContainer) -> str:
    """Return what it is at work with; "" for nothing."""
    doing = f"asking whether {container.name} is at work"
    code, said = ask(node, container.id, container.busy, doing)
    return (said or "it is at work") if code == 0 else ""
