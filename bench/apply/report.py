"""The results as a page: medians, ratios, goals, and what they were measured with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from bench.apply import work
from bench.apply.measure import Timing

_FLOOR, _SKP, _ANSIBLE = "floor", "SKP", "Ansible"
_OVER_FLOOR, _UNDER_ANSIBLE = 1.3, 10.0


def markdown(machine: Mapping[str, str], timings: Sequence[Timing]) -> str:
    """Return the page."""
    return "\n".join([*_lines(machine, timings), ""])


def _lines(machine: Mapping[str, str], timings: Sequence[Timing]) -> Iterator[str]:
    rounds = max((timing.round for timing in timings), default=0)
    yield "# bench/apply: results"
    yield ""
    yield "Written by `bench/run apply --keep`; README.md says what is measured. Seconds of wall"
    yield f"clock, medians of {rounds} interleaved rounds on fresh nodes (least to most); CPU is"
    yield "what the command itself took on the machine that ran it."
    for nodes in sorted({timing.nodes for timing in timings}):
        yield ""
        yield f"## {nodes} nodes"
        yield ""
        yield "| phase | contender | seconds | least to most | CPU | x floor | x SKP |"
        yield "|---|---|--:|--:|--:|--:|--:|"
        for phase in work.PHASES:
            chosen = [t for t in timings if t.nodes == nodes and t.phase == phase]
            yield from _rows(phase, chosen)
        yield ""
        yield from _goals([t for t in timings if t.nodes == nodes])
        yield from _unresolved([t for t in timings if t.nodes == nodes])
    yield ""
    yield "## Measured with"
    yield ""
    yield from (f"- {name}: {value}" for name, value in machine.items())


def _rows(phase: str, timings: Sequence[Timing]) -> Iterator[str]:
    medians = _medians(timings)
    for contender, seconds in medians.items():
        own = [t for t in timings if t.contender == contender]
        walls = [t.wall for t in own]
        ratios = (_ratio(seconds, medians.get(other)) for other in (_FLOOR, _SKP))
        yield (
            f"| {phase} | {contender} | {seconds:.2f} | {min(walls):.2f} to {max(walls):.2f} "
            f"| {median(t.cpu for t in own):.2f} | {' | '.join(ratios)} |"
        )


def _medians(timings: Iterable[Timing]) -> dict[str, float]:
    walls: dict[str, list[float]] = {}
    for timing in timings:
        walls.setdefault(timing.contender, []).append(timing.wall)
    return {name: median(walls[name]) for name in (_FLOOR, _SKP, _ANSIBLE) if name in walls}


def _ratio(seconds: float, base: float | None) -> str:
    return f"{seconds / base:.2f}" if base else "-"


def _goals(timings: Sequence[Timing]) -> Iterator[str]:
    for phase in work.PHASES:
        found = _medians(t for t in timings if t.phase == phase)
        if _SKP in found and _FLOOR in found:
            ratio = found[_SKP] / found[_FLOOR]
            met = "met" if ratio <= _OVER_FLOOR else "not met"
            yield f"- {phase}: {ratio:.2f} times the floor; goal at most {_OVER_FLOOR}: {met}"
        if phase == "no-op" and _SKP in found and _ANSIBLE in found:
            ratio = found[_ANSIBLE] / found[_SKP]
            met = "met" if ratio >= _UNDER_ANSIBLE else "not met"
            yield (
                f"- no-op: {ratio:.1f} times faster than Ansible; "
                f"goal at least {_UNDER_ANSIBLE:.0f}: {met}"
            )


def _unresolved(timings: Sequence[Timing]) -> Iterator[str]:
    for contender in _medians(timings):
        for phase in work.PHASES:
            own = [t for t in timings if (t.contender, t.phase) == (contender, phase)]
            if lost := [t for t in own if t.unresolved]:
                yield (
                    f"- {contender}, {phase}: in {len(lost)} of {len(own)} rounds not all "
                    "containers came to see each other by name (README.md)"
                )
