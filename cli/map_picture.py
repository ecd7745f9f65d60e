"""A chart as one still picture (SVG), laid out by Taffy's CSS grid (decision 100)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from stretchable import Node as Layout
from stretchable.style import AUTO, Display, FlexDirection, FlexWrap

from cli.map_page import SIGNS, facts
from cli.output import plain
from cluster.commands.chart import Chart, Mood, Place

_WIDTH, _CARD, _LINE, _PAD, _GAP = 1200, 270, 18, 12, 16  # pixels
_LETTERS = 38  # that fit a card at the width of a wide letter
_COLOURS = {
    Mood.GOOD: "#00664a", Mood.STARTING: "#7a5200", Mood.BAD: "#a8320a", Mood.MISSING: "#8a2f66",
    Mood.UNKNOWN: "#555", Mood.AWAY: "#5a5a5a",
}  # fmt: skip
_PLAN = "#004f8a"


@dataclass(frozen=True)
class _Text:
    """A line of a card."""

    text: str
    colour: str = "#1a1a1a"
    weight: str = "400"


def picture(chart: Chart, title: str) -> str:
    """Return the picture as SVG."""
    cards = [(place, [*_lines(place)]) for place in chart.places]
    root = Layout(
        display=Display.FLEX, flex_direction=FlexDirection.ROW, flex_wrap=FlexWrap.WRAP,
        gap=_GAP, padding=_GAP, size=(_WIDTH, AUTO),
    )  # fmt: skip
    boxes = [Layout(size=(_CARD, len(lines) * _LINE + 2 * _PAD)) for _, lines in cards]
    root.add(*boxes)
    root.compute_layout()
    height = int(root.get_box().height) + 2 * _LINE
    drawn = [
        part
        for (place, lines), box in zip(cards, boxes, strict=True)
        for part in _card(place, lines, int(box.get_box().x), int(box.get_box().y) + 2 * _LINE,
                          int(box.get_box().height))
    ]  # fmt: skip
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-label="{_t(title)}" '
        'font-family="system-ui, sans-serif" font-size="13">'
    )
    ground = f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>'
    name = f'<text x="{_GAP}" y="{_LINE + 6}" font-size="17" font-weight="600">{_t(title)}</text>'
    return "\n".join([head, ground, name, *drawn, "</svg>\n"])


def _lines(place: Place) -> Iterator[_Text]:
    sign = SIGNS[place.mood][1]
    yield _Text(f"{place.name}  {sign} {place.state}", _COLOURS[place.mood], "600")
    for fact in facts(place):
        yield _Text(fact, "#5a5a5a")
    if place.why:
        yield _Text(place.why, "#555")
    for plan in place.plan:
        yield _Text(f"+ {plan}", _PLAN, "600")
    for box in place.boxes:
        ports = " ".join(f":{port.removesuffix('/tcp')}" for port in box.ports)
        sign = SIGNS[box.mood][1]
        yield _Text(f"{sign} {box.name} {ports}", _COLOURS[box.mood], "600")
        plan = f" + {box.plan}" if box.plan else ""
        yield _Text(f"    {box.state}{plan}", _PLAN if plan else "#5a5a5a")


def _card(place: Place, lines: list[_Text], x: int, y: int, height: int) -> Iterator[str]:
    planned = bool(place.plan) or any(box.plan for box in place.boxes)
    dashed = ' stroke-dasharray="6 4"' if place.mood is Mood.UNKNOWN else ""
    ground, line = ("#e3f0fb", _PLAN) if planned else ("#f6f6f4", "#c4c4c4")
    yield (
        f'<rect x="{x}" y="{y}" width="{_CARD}" height="{height}" rx="8" fill="{ground}" '
        f'stroke="{line}" stroke-width="2"{dashed}/>'
    )
    for number, one in enumerate(lines):
        base = y + _PAD + number * _LINE + _LINE - 5
        yield (
            f'<text x="{x + _PAD}" y="{base}" fill="{one.colour}" '
            f'font-weight="{one.weight}" xml:space="preserve">{_t(_short(one.text))}</text>'
        )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _t(text: str) -> str:
    return escape(plain(text))
