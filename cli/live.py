"""Operations as they go, on a terminal: a line for each that runs, and what ended above them.

Only here is rich loaded. All text passes `output.plain` before rich sees it: what rich adds itself
(colours, the cursor's moves over its own lines) is all that commands the terminal.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli import output
from cluster.model.item import Item, Key
from cluster.model.line import Line, Tone
from cluster.model.policy import Amount

T = TypeVar("T")
_WIDEST = 120  # columns; the eye does not find the end of longer lines
_ECHO = 4  # columns kept free: a terminal shows Ctrl-C as ^C, which may not begin another line
_OFTEN = 5  # looks per second
_STYLES = {
    Tone.GOOD: "green", Tone.BAD: "bold red", Tone.WAITING: "yellow", Tone.QUIET: "dim",
    Tone.TITLE: "bold", Tone.NEW: "cyan",
}  # fmt: skip


@dataclass
class _Running:
    """An operation that runs, since `begun` of the monotonic clock."""

    item: Item
    begun: float = field(default_factory=time.monotonic)
    amount: Amount | None = None


class _Terminal(Console):
    """A terminal whose cursor stays to be seen: a command that is killed leaves it as it was."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002 - rich's own
        """Leave the cursor as it is."""
        return False


class _Screen:
    """The end of the terminal, which is written again and again."""

    def __init__(self) -> None:
        self._open = True
        self._console = _Terminal(
            file=sys.stderr,
            force_terminal=True,
            no_color=bool(os.environ.get("NO_COLOR")),
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._lines,
            refresh_per_second=_OFTEN,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def above(self, text: str) -> None:
        """Show a line above it, for good."""
        if self._open:
            self._console.print(_text(text), soft_wrap=True)

    def close(self) -> None:
        """Take it away."""
        self._open = False
        self._live.stop()

    def _lines(self) -> RenderableType:
        raise NotImplementedError

    @property
    def _width(self) -> int:
        """The columns that a line may have."""
        return self._console.width - _ECHO

    def _fitting(self, lines: Sequence[T]) -> Sequence[T]:
        """Return as many as fit on the terminal, with a line that counts the others."""
        room = max(1, self._console.height - 2)
        return lines if len(lines) <= room else lines[: room - 1]


class Picture(_Screen):
    """Lines as they are now, such as a table.

    The last ones stay on the terminal when it is closed.
    """

    def __init__(self) -> None:
        self._drawn: Sequence[str] = ()
        super().__init__()

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those before."""
        self._drawn = lines
        self._live.refresh()

    def close(self) -> None:
        """Leave the last lines on the terminal."""
        super().close()
        for one in self._drawn:
            self._console.print(_text(one, indent=""), soft_wrap=True)

    def _lines(self) -> RenderableType:
        every = [_text(one, indent="") for one in self._drawn]
        for one in every:
            one.truncate(self._width, overflow="ellipsis")
        shown = self._fitting(every)
        left = len(every) - len(shown)
        more = [Text(f"and {left} more: --nodes shows some", style="dim")] if left else []
        return Group(*shown, *more)


class Display(_Screen):
    """What runs, at the end of the terminal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Key, _Running] = {}
        super().__init__()

    def begin(self, item: Item) -> None:
        """Show that an operation runs."""
        with self._lock:
            self._running[item.key] = _Running(item)

    def move(self, item: Item, amount: Amount) -> None:
        """Show how far it is."""
        with self._lock:
            if found := self._running.get(item.key):
                found.amount = amount

    def end(self, item: Item, last: Line) -> bool:
        """Show its last line for good; return whether a person sees that."""
        with self._lock:
            self._running.pop(item.key, None)
        self.above(last)
        return self._open

    def close(self) -> None:
        """Take away the lines of what runs; each that was not ended gets a last one."""
        with self._lock:
            left, self._running = list(self._running.values()), {}
            self._open = False
        for one in left:
            what = f"- {one.item.node}: {one.item.describe()}: broken off, {_clock(one)}"
            self._console.print(_text(what), soft_wrap=True)
        super().close()

    def _lines(self) -> RenderableType:
        """Return what is shown at this moment."""
        with self._lock:
            running = list(self._running.values())
        shown = self._fitting(running)
        lines = Table.grid(padding=(0, 1), expand=True)
        lines.width = min(self._width, _WIDEST)
        lines.add_column(no_wrap=True)
        lines.add_column(no_wrap=True, overflow="ellipsis", ratio=1, min_width=16)
        lines.add_column(no_wrap=True, overflow="ellipsis")
        lines.add_column(no_wrap=True)
        lines.add_column(no_wrap=True, justify="right")
        for one in shown:
            lines.add_row(*_cells(one))
        if len(shown) < len(running):
            return Group(lines, Text(f"  and {len(running) - len(shown)} more", style="dim"))
        return lines


def _cells(one: _Running) -> tuple[RenderableType, ...]:
    amount, item = one.amount, one.item
    where, what = output.plain(f"  {item.node}"), output.plain(item.describe())
    told = output.plain(str(amount)) if amount else ""
    bar: RenderableType = ""
    if amount and amount.total:
        bar = ProgressBar(amount.total, min(amount.done, amount.total), width=14)
    return Text(where, style="bold"), Text(what), Text(told, style="cyan"), bar, Text(_clock(one))


def _clock(one: _Running) -> str:
    seconds = int(time.monotonic() - one.begun)
    return f"{seconds // 60}:{seconds % 60:02}"


def _text(text: str, indent: str = "  ") -> Text:
    """Return a line as rich shows it: harmless, and with its tones as colours."""
    made, at = Text(indent), 0
    for start, end, tone in text.spans if isinstance(text, Line) else ():
        made.append(output.plain(text[at:start]))
        made.append(output.plain(text[start:end]), _STYLES[tone])
        at = end
    made.append(output.plain(text[at:]))
    return made
