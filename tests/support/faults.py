"""What may go wrong between this machine and a node, put in the way of one exchange at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

import requests

from cluster.connectors.base import Completed
from cluster.errors import BrokenError, DeadlineError
from tests.support.fake_http import Reply, half, refusal

_REFUSED = Completed(1, b"", b"refused by the test\n")


class Fault(Enum):
    """A way to fail. By the first ones nothing is carried out; by the last ones it is, unheard."""

    NOT_FOUND = 404
    ERROR = 500
    SILENT = "the deadline passes"
    CUT = "the answer breaks off"
    GARBLED = "the answer is no JSON"

    def request(self, answer: Callable[[], Reply]) -> Reply:
        """Return or raise what a request to the engine ends with."""
        if isinstance(self.value, int):
            return refusal(self.value, "refused by the test")
        if self is Fault.SILENT:
            raise requests.exceptions.ReadTimeout
        given = answer()
        if self is Fault.GARBLED:
            return replace(given, chunks=(b"{broken",)) if given.chunks else given
        if not given.chunks:  # there is no half of nothing
            raise requests.exceptions.ConnectionError("broken by the test")
        return half(given)

    def command(self, node: str, run: Callable[[], Completed]) -> Completed:
        """Return or raise what a shell command ends with."""
        if isinstance(self.value, int):
            return _REFUSED
        if self is Fault.SILENT:
            raise DeadlineError(node, "the command takes too long")
        done = run()
        if self is Fault.CUT:
            raise BrokenError(node, "broken by the test")
        return replace(done, stdout=done.stdout[: len(done.stdout) // 2])


class Obstacle:
    """Lets all exchanges of a fleet pass but one.

    Attributes:
        struck: whether there were so many exchanges.
    """

    def __init__(self, fault: Fault, number: int) -> None:
        """Have the exchange with that number, counted from 1 on, end as `fault` says."""
        self._fault = fault
        self._left = number
        self._lock = threading.Lock()
        self.struck = False

    def request(self, answer: Callable[[], Reply]) -> Reply:
        """Answer a request, or fail it."""
        return self._fault.request(answer) if self._strikes() else answer()

    def command(self, node: str, run: Callable[[], Completed]) -> Completed:
        """Run a command, or fail it."""
        return self._fault.command(node, run) if self._strikes() else run()

    def _strikes(self) -> bool:
        with self._lock:
            self._left -= 1
            strikes = self._left == 0
            self.struck = self.struck or strikes
            return strikes
