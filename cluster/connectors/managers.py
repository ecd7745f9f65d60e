"""The managers of a Swarm: one is asked, and the next where that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from cluster.errors import NodeError

if TYPE_CHECKING:
    from cluster.connectors.engine import Engine
    from cluster.connectors.fleet import Fleet

T = TypeVar("T")


class Managers:
    """Those managers that are reachable; nothing is asked until `ask`."""

    def __init__(self, fleet: Fleet, names: Iterable[str], doing: str, seconds: float) -> None:
        """Name the managers.

        Args:
            doing: what they are asked for, in messages. seconds: deadline of one request.
        """
        # By name: a node whose connection broke may get a new one.
        self._fleet, self._names = fleet, [name for name in names if name in fleet.nodes]
        self._doing, self._seconds = doing, seconds

    def ask(self, request: Callable[[Engine], T], doing: str = "") -> T:
        """Put a request to a manager, and to the next if that fails; raises the last NodeError."""
        error: NodeError | None = None
        for manager in list(self._names):
            try:
                node = self._fleet.nodes[manager]
                with node.talking(doing or self._doing, self._seconds) as engine:
                    return request(engine)
            except NodeError as failed:
                error = failed
                self._names.append(self._names.pop(0))
        assert error is not None, "there is a Swarm, so there is a manager"
        raise error
