"""Charts that are made up: every state that there is, and a cluster of any size."""

from __future__ import annotations

from cluster.commands.chart import Box, Chart, Mood, Place

_GB = 1_000_000_000
STATES = {
    Mood.GOOD: "healthy", Mood.STARTING: "starting", Mood.BAD: "unhealthy",
    Mood.MISSING: "missing", Mood.UNKNOWN: "unreachable", Mood.AWAY: "held",
}  # fmt: skip
MADE = "2026-11-20T10:00:00Z"


def every_state() -> Chart:
    """Return a cluster of five nodes in which every state is to be seen, with a plan pending."""
    boxes = tuple(
        Box("c01", f"{mood.name.lower()}-skp", "x", mood, STATES[mood], "skp/x:latest", MADE, MADE,
            ("8010/tcp", "53/udp") if mood is Mood.GOOD else ())
        for mood in Mood
    )  # fmt: skip
    planned = Box("c02", "jupyter-skp-c02", "jupyter", Mood.GOOD, "healthy", "skp/docker-ds:latest",
                  MADE, MADE, ("8010/tcp",), "replace")  # fmt: skip
    wanted = Box("c02", "kafka-skp-1", "kafka", Mood.MISSING, "missing", plan="create")
    places = (
        _place("c01", Mood.GOOD, "ready", boxes),
        _place("c02", Mood.GOOD, "ready", (planned, wanted), ("label c02",)),
        Place("c03", "10.1.0.3", "", Mood.UNKNOWN, "unreachable",
              why="c03: can't be reached: no route to host",
              boxes=(Box("c03", "spark-skp", "spark", Mood.UNKNOWN, "unreachable"),)),
        _place("c04", Mood.AWAY, "ready, drained", ()),
        _place("c05", Mood.BAD, "down", ()),
    )  # fmt: skip
    changes = (
        ("c02", "jupyter-skp-c02", "replace"), ("c02", "kafka-skp-1", "create"),
        ("c02", "c02", "label"),
    )  # fmt: skip
    networks = (("net-skp", "10.90.0.0/16", "encrypted between nodes"),)
    return Chart(places, networks, (("/data/volume", ("jupyter", "spark")),), changes)


def large(count: int) -> Chart:
    """Return a cluster of `count` nodes."""
    places = tuple(
        _place(
            f"node{number:03}",
            Mood.UNKNOWN if number % 50 == 49 else Mood.GOOD,
            "unreachable" if number % 50 == 49 else "ready",
            tuple(
                Box(f"node{number:03}", f"{name}-skp-{number}", name, mood, STATES[mood],
                    f"skp/docker-{name}:latest", MADE, MADE, ("8010/tcp",))
                for name, mood in (
                    ("jupyter", Mood.GOOD),
                    ("spark", Mood.BAD if number % 37 == 5 else Mood.GOOD),
                )
            ),
        )
        for number in range(1, count + 1)
    )  # fmt: skip
    return Chart(places, (("net-skp", "10.90.0.0/16", "encrypted between nodes"),))


def _place(
    name: str, mood: Mood, state: str, boxes: tuple[Box, ...], plan: tuple[str, ...] = ()
) -> Place:
    return Place(
        name, f"10.1.0.{int(name.lstrip('node')[-2:].lstrip('c') or 1)}", "manager, leader", mood,
        state, "28.5", "", 16, 64 * _GB, 900 * _GB, 450 * _GB, "2", ("jupyter",), boxes, plan,
    )  # fmt: skip
