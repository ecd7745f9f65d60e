"""The results as a page: medians, their ratios, and what they were measured with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import TypeAlias

from bench.h2load import Figure
from bench.switch.change import Noticed

Changes: TypeAlias = Mapping[str, Sequence[Noticed]]
"""By contender, one of each round; SKP's come first."""
Costs: TypeAlias = Mapping[tuple[str, str], Sequence[Figure]]
"""By run and way through a proxy, one of each round; SKP's come first."""

_COUNTED: dict[str, Callable[[Noticed], tuple[int, int]]] = {
    "requests lost": lambda each: (each.requests, each.asked),
    "WebSockets lost": lambda each: (each.sockets, each.talks),
    "downloads lost": lambda each: (each.downloads, each.spanned),
}
_MEASURED: dict[str, Callable[[Noticed], float]] = {
    "slowest answer, ms": lambda each: each.slowest,
    "median answer, ms": lambda each: each.middle,
    "99 of 100 answers within, ms": lambda each: each.p99,
    "from the command to the first new answer, s": lambda each: each.first,
    "from the command to its end, s": lambda each: each.end,
}


def markdown(machine: Mapping[str, str], changes: Changes, costs: Costs) -> str:
    """Return the page."""
    return "\n".join([*_lines(machine, changes, costs), ""])


def _lines(machine: Mapping[str, str], changes: Changes, costs: Costs) -> Iterator[str]:
    rounds = max(len(each) for each in changes.values())
    yield "# bench/switch: results"
    yield ""
    yield "Written by `bench/run switch --keep`; README.md says what is measured. What was lost is"
    yield f"of all {rounds} rounds; the rest are medians (least to most). Other work ran beside on"
    yield "the same machine."
    yield ""
    yield from _table(changes)
    yield ""
    yield "| clients | through | requests/s | to SKP | ms each | to SKP |"
    yield "|---|---|--:|--:|--:|--:|"
    for (run, way), figures in costs.items():
        own = next(figures for (each, _), figures in costs.items() if each == run)
        rate, each = median(f.rate for f in figures), median(f.each for f in figures)
        of_rate = rate / median(f.rate for f in own)
        of_each = each / median(f.each for f in own)
        yield f"| {run} | {way} | {rate:.0f} | {of_rate:.2f} | {each:.2f} | {of_each:.2f} |"
    yield ""
    yield "## Measured with"
    yield ""
    yield from (f"- {name}: {value}" for name, value in machine.items())
    yield from _losses(changes)


def _table(changes: Changes) -> Iterator[str]:
    own, *others = changes
    peers = "".join(f" {name} | to SKP |" for name in others)
    yield f"| one change | {own} |{peers}"
    yield "|---|--:|" + "--:|--:|" * len(others)
    for what, counted in _COUNTED.items():
        cells = [f"{_of_all(changes[own], counted)} |"]
        cells += [f"{_of_all(changes[name], counted)} | |" for name in others]
        yield f"| {what} | " + " ".join(cells)
    for what, measured in _MEASURED.items():
        base = median(measured(each) for each in changes[own])
        row = f"| {what} | {_spread([measured(each) for each in changes[own]])} |"
        for name in others:
            values = [measured(each) for each in changes[name]]
            row += f" {_spread(values)} | {median(values) / base:.2f} |"
        yield row


def _of_all(rounds: Sequence[Noticed], counted: Callable[[Noticed], tuple[int, int]]) -> str:
    lost, all_ = (sum(each) for each in zip(*map(counted, rounds), strict=True))
    return f"{lost} of {all_}"


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def _losses(changes: Changes) -> Iterator[str]:
    found = {
        name: sorted({why for each in rounds for why in each.why})
        for name, rounds in changes.items()
    }
    if not any(found.values()):
        return
    yield ""
    yield "## What clients said of what was lost"
    yield ""
    yield from (f"- {name}: `{why}`" for name, said in found.items() for why in said)
