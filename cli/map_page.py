"""A chart as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

The picture is laid out by the reader's browser (CSS grid, decision 100), so that it fits a phone, a
wide screen and paper. Its colours are told apart by who sees no colours too: each state has a sign
and a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from cli.output import plain
from cli.rendering import age
from cluster.commands.chart import Box, Chart, Mood, Place

SIGNS = {
    Mood.GOOD: ("good", "\N{BLACK CIRCLE}"),
    Mood.STARTING: ("starting", "\N{BLACK UP-POINTING TRIANGLE}"),
    Mood.BAD: ("bad", "\N{BLACK SQUARE}"),
    Mood.MISSING: ("missing", "\N{WHITE CIRCLE}"),
    Mood.UNKNOWN: ("unknown", "?"),
    Mood.AWAY: ("away", "\N{WHITE SQUARE}"),
}
_STYLE = Path(__file__).with_name("page") / "map.css"
_MANY = 24  # nodes: from so many on, cards are smaller
# The browser itself sees to it that nothing is fetched, whatever a name may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(chart: Chart, title: str, at: datetime) -> str:
    """Return the page.

    Args:
        title: the cluster's name. at: when it was looked at.
    """
    many = " many" if len(chart.places) >= _MANY else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_t(title)}</title>\n<style>\n{_STYLE.read_text()}</style>\n</head>",
            f'<body class="map{many}">\n<header>\n<h1>{_t(title)}</h1>',
            f'<p class="soft">Looked at {at:%Y-%m-%d %H:%M %Z}. {_t(_sum(chart))}</p>',
            f'<ul class="key" aria-label="Signs">{"".join(_key())}</ul>\n</header>\n<main>',
            '<section aria-labelledby="picture">\n<h2 id="picture">Nodes</h2>',
            f'<div class="nodes">{"".join(map(_node, chart.places))}</div>\n</section>',
            '<section aria-labelledby="list">\n<h2 id="list">The same as a list</h2>',
            *_tables(chart),
            "</section>\n</main>\n</body>\n</html>\n",
        ]
    )


def _sum(chart: Chart) -> str:
    boxes = [box for place in chart.places for box in place.boxes]
    lost = sum(bool(place.why) for place in chart.places)
    counts = [(mood, sum(box.mood is mood for box in boxes)) for mood in Mood]
    told = ", ".join(f"{count} {mood}" for mood, count in counts if count) or "none"
    nodes = f"{len(chart.places)} nodes{f', {lost} of them can not be asked' if lost else ''}"
    return f"{nodes}; containers: {told}; the plan has {len(chart.changes)} changes."


def _key() -> Iterator[str]:
    for mood in Mood:
        yield f"<li>{_mood(mood, mood)}</li>"
    yield '<li class="plan">+ the plan would change it</li>'


def _mood(mood: Mood, text: str) -> str:
    name, sign = SIGNS[mood]
    return f'<span class="mood {name}"><span aria-hidden="true">{sign}</span> {_t(text)}</span>'


def _node(place: Place) -> str:
    planned = " planned" if place.plan else ""
    return (
        f'<article class="node {SIGNS[place.mood][0]}{planned}" '
        f'aria-label="Node {_t(place.name)}"><h3>{_t(place.name)}</h3>'
        f"<p>{_mood(place.mood, place.state)}</p>"
        f'<ul class="facts">{"".join(f"<li>{_t(fact)}</li>" for fact in facts(place))}</ul>'
        + (f"<p>{_t(place.why)}</p>" if place.why else "")
        + "".join(f'<p class="plan">+ {_t(plan)}</p>' for plan in place.plan)
        + f'<ul class="boxes">{"".join(_box(box, place) for box in place.boxes)}</ul></article>'
    )


def facts(place: Place) -> list[str]:
    """Return what is known of a node, in a few words each."""
    disk = f"{_size(place.free)} of {_size(place.disk)} disk free" if place.disk else ""
    every = (
        place.role,
        place.address,
        f"{place.cores} cores" if place.cores else "",
        f"{_size(place.memory)} memory" if place.memory else "",
        disk,
        f"GPUs: {place.gpus}" if place.gpus not in ("", "0") else "",
    )
    return [fact for fact in every if fact]


def _box(box: Box, place: Place) -> str:
    planned = " planned" if box.plan else ""
    plan = f' <span class="plan">+ {_t(box.plan)}</span>' if box.plan else ""
    ports = "".join(_port(port, box, place) for port in box.ports)
    image = ", ".join(filter(None, (box.image, _made(box))))
    return (
        f'<li class="box{planned}"><strong>{_t(box.name)}</strong>{plan}'
        f"<p>{_mood(box.mood, box.state)}</p>"
        + (f'<p class="soft">{_t(image)}</p>' if image else "")
        + (f'<ul class="ports" aria-label="Ports">{ports}</ul>' if ports else "")
        + "</li>"
    )


def _port(port: str, box: Box, place: Place) -> str:
    number, _, kind = port.partition("/")
    if kind != "tcp" or not number.isdigit():
        return f"<li>{_t(port)}</li>"
    label = f"port {number} of {box.name} on {place.name}"
    host = f"[{place.address}]" if ":" in place.address else place.address
    link = f"http://{host}:{number}/"
    return f'<li><a href="{_t(link)}" rel="noreferrer" aria-label="{_t(label)}">:{number}</a></li>'


def _plain_ports(box: Box) -> str:
    return " ".join(port.removesuffix("/tcp") for port in box.ports)


def _made(box: Box) -> str:
    return f"made {age(box.created)} ago" if box.created else ""


def _tables(chart: Chart) -> Iterator[str]:
    if chart.changes:
        yield _table("What the plan would change", ("Node", "What", "Change"), chart.changes)
    boxes = [
        (box.node, box.name, box.state, box.plan, box.image, age(box.created), _plain_ports(box))
        for place in chart.places
        for box in place.boxes
    ]
    heads = ("Node", "Container", "State", "Plan", "Image", "Age", "Ports")
    yield _table("Containers", heads, boxes)
    nodes = [
        (p.name, p.state, ", ".join(facts(p)), ", ".join(p.labels), p.why) for p in chart.places
    ]
    yield _table("Nodes", ("Node", "State", "What it is", "Labels", "Why not asked"), nodes)
    yield _table("Networks", ("Network", "Subnet", "Packets"), chart.networks)
    volumes = [(folder, ", ".join(names)) for folder, names in chart.volumes]
    yield _table("Folders and volumes", ("Folder", "Used by"), volumes)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_t(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{_t(first)}</th>{"".join(f"<td>{_t(one)}</td>" for one in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{_t(title)}"><table>'
        f"<caption>{_t(title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.0f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _t(text: str) -> str:
    """Return text that nodes and people wrote, for a page: it is no markup and commands nothing."""
    return escape(plain(text))
