"""Who sees operations as they go: a person at a terminal, or whoever reads the lines later."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cli import output
from cli.options import Options

if TYPE_CHECKING:
    from cli.live import Display
    from cluster.model.item import Item, Key
    from cluster.model.policy import Amount
    from cluster.model.result import Result

_OFTEN = 10  # seconds between two lines that say how far the same operation is


def watch(options: Options) -> Shown | Told | None:
    """Return who sees the operations of a command; None where nobody wants to."""
    if options.quiet:
        return None
    return Shown() if output.is_live() and not options.json else Told()


class Told:
    """Tells operations line by line: their beginnings, now and then how far, their ends.

    Attributes:
        ended_items: none: the report has a row for each item all the same.
    """

    ended_items: frozenset[Key] = frozenset()

    def __init__(self) -> None:
        self._last: dict[Key, float] = {}

    def begun(self, item: Item) -> None:
        """Tell that an operation begins."""
        self._last[item.key] = time.monotonic()
        output.progress(f"{item.node}: {item.describe()}")

    def moved(self, item: Item, amount: Amount) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        now = time.monotonic()
        if now < self._last.get(item.key, now) + _OFTEN:
            return
        self._last[item.key] = now
        output.progress(f"{item.node}: {item.describe()}: {amount}")

    def ended(self, result: Result) -> None:
        """Tell how an operation ended."""
        from cluster.commands.report import ended

        output.progress(ended(result))


class Shown:
    """Shows operations live on a terminal, once there is one.

    Attributes:
        ended_items: the keys of items whose ends a person has seen.
    """

    def __init__(self) -> None:
        self.ended_items: set[Key] = set()
        self._opening = threading.Lock()
        self._display: Display | None = None

    def begun(self, item: Item) -> None:
        """Show a line for an operation."""
        with self._opening:
            if self._display is None:
                from cli.live import Display  # loads rich: only where something is to be shown

                self._display = Display()
                output.show_live(self._display)
        self._display.begin(item)

    def moved(self, item: Item, amount: Amount) -> None:
        """Show how far it is."""
        if self._display:
            self._display.move(item, amount)

    def ended(self, result: Result) -> None:
        """Show how it ended, for good."""
        from cluster.commands.report import ended

        if self._display and self._display.end(result.item, ended(result)):
            self.ended_items.add(result.item.key)
