"""Lines and tables for a person: which part of them is good or bad news, beside what they say."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Self


class Tone(StrEnum):
    """What a word is to whoever reads it; a terminal may colour it, and the word says it too."""

    GOOD = "good"
    BAD = "bad"
    WAITING = "waiting"
    QUIET = "quiet"
    TITLE = "title"
    NEW = "new"


class Span(NamedTuple):
    """A part of a line, from `start` up to `end`, and what it is."""

    start: int
    end: int
    tone: Tone


class Line(str):
    """A line of text, with the parts of it that have a tone.

    Attributes:
        spans: in their order, without overlaps.
    """

    __slots__ = ("spans",)
    spans: tuple[Span, ...]

    def __new__(cls, text: str, spans: Sequence[Span] = ()) -> Self:
        """Make a line of `text`."""
        made = super().__new__(cls, text)
        made.spans = tuple(spans)
        return made


class Toned(str):
    """A cell of a table that has a tone as a whole."""

    __slots__ = ("tone",)
    tone: Tone

    def __new__(cls, text: str, tone: Tone) -> Self:
        """Make a cell of `text`."""
        made = super().__new__(cls, text)
        made.tone = tone
        return made


def line(*parts: str) -> Line:
    """Return one line of `parts`; those that are `Toned` keep their tones in it."""
    text, spans = "", list[Span]()
    for part in parts:
        if isinstance(part, Toned) and part:
            spans.append(Span(len(text), len(text) + len(part), part.tone))
        text += part
    return Line(text, spans)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Line]:
    """Return aligned lines, without blanks at their ends."""
    titles: list[str] = [Toned(title, Tone.TITLE) for title in head]
    every = [titles, *([_flat(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in every) for i in range(len(head))]
    return [_row(row, widths) for row in every]


def _flat(cell: object) -> str:
    flat = " ".join(str(cell).splitlines())
    return Toned(flat, cell.tone) if isinstance(cell, Toned) else flat


def _row(row: Sequence[str], widths: Sequence[int]) -> Line:
    parts: list[str] = []
    for cell, width in zip(row, widths, strict=True):
        parts += [cell, " " * (width - len(cell) + 2)]
    whole = line(*parts)
    return Line(whole.rstrip(), whole.spans)
