"""The results as a page: medians, their ratios, and what they were measured with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TypeAlias

Figures: TypeAlias = dict[str, dict[str, list[float]]]
"""By question, then by contender: one of each round, in seconds or bytes; SKP's come first."""

LIST, SAME, ALL_SAME, UP = (
    "a list of the hundred", "one, unchanged", "all hundred, unchanged", "bring-up"
)  # fmt: skip
SNAPSHOT, JSON, MEMORY = "bytes of a snapshot", "bytes of JSON", "bytes of memory"
SKP, STACK = "SKP", "stack"
_SIZES = {
    SNAPSHOT: "the Swarm's store, KiB of a snapshot",
    JSON: "the same as JSON, KiB",
    MEMORY: "memory of all five nodes, KiB",
}


def markdown(machine: Mapping[str, str], found: Figures) -> str:
    """Return the page."""
    return "\n".join([*_lines(machine, found), ""])


def _lines(machine: Mapping[str, str], found: Figures) -> Iterator[str]:
    rounds = max((len(each) for each in found.get(LIST, {}).values()), default=0)
    yield "# bench/deploy: results"
    yield ""
    yield "Written by `bench/run deploy --keep`; README.md says what is measured. Seconds of wall"
    yield f"clock, medians of {rounds} alternating rounds (least to most); what is done"
    yield "to all, once. Both hundreds are there at the same time. Other work ran beside on the"
    yield "same machine."
    yield ""
    yield "| question | what was typed | seconds | least to most | SKP / this |"
    yield "|---|---|--:|--:|--:|"
    for question in (LIST, SAME, ALL_SAME, UP):
        yield from _rows(question, found.get(question, {}))
    yield ""
    yield "| what a hundred add | SKP | stack | SKP / stack |"
    yield "|---|--:|--:|--:|"
    for question, shown in _SIZES.items():
        own, other = (found[question][name][0] for name in (SKP, STACK))
        ratio = _ratio(own, other)
        yield f"| {shown} | {own / 1024:,.0f} | {other / 1024:,.0f} | {ratio} |"
    yield ""
    yield "## Measured with"
    yield ""
    yield from (f"- {name}: {value}" for name, value in machine.items())


def _rows(question: str, found: Mapping[str, Sequence[float]]) -> Iterator[str]:
    own = 0.0
    for name, took in found.items():
        own = own or median(took)
        spread = f"{min(took):.2f} to {max(took):.2f}" if len(took) > 1 else "once"
        ratio = _ratio(own, median(took))
        yield f"| {question} | `{name}` | {median(took):.2f} | {spread} | {ratio} |"


def _ratio(own: float, other: float) -> str:
    return f"{own / other:.2f}" if other > 0 else "-"
