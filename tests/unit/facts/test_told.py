"""What an answer has at a place, and what is said of one that has something else there."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.connectors.bounded import StrangeError
from cluster.facts import told

ANSWER: dict[str, Any] = {
    "Name": "x", "Number": 7, "Yes": True, "None": None, "List": ["a", "b"], "Map": {"k": "v"},
    "Time": "2026-11-28T10:00:00.123456789Z", "Odd": "0001-01-01T00:00:00",
}  # fmt: skip


def test_what_is_there_is_given() -> None:
    assert told.text(ANSWER, "Map", "k") == told.text_or("", ANSWER, "Map", "k") == "v"
    assert told.number_or(0, ANSWER, "Number") == 7
    assert told.flag(ANSWER, "Yes")
    assert told.texts(ANSWER, "List") == told.parts(ANSWER, "List") == ["a", "b"]
    assert (told.keys(ANSWER, "Map"), told.labels(ANSWER, "Map")) == (frozenset({"k"}), {"k": "v"})
    assert told.seconds(ANSWER, "Time") == pytest.approx(1795860000.123456)


@pytest.mark.parametrize("path", [("None",), ("Not",), ("Not", "there"), ("None", "there")])
def test_nothing_is_not_an_error_where_nothing_may_be(path: tuple[str, ...]) -> None:
    assert told.text_or("-", ANSWER, *path) == "-"
    assert told.number_or(3, ANSWER, *path) == 3
    assert not told.flag(ANSWER, *path)
    assert (told.parts(ANSWER, *path), told.keys(ANSWER, *path)) == ([], frozenset())
    with pytest.raises(StrangeError, match=f"{'[.]'.join(path)}: None"):
        told.text(ANSWER, *path)


@pytest.mark.parametrize(
    ("what", "path"),
    [
        (lambda *p: told.text_or("", *p), ("Number",)),
        (lambda *p: told.text_or("", *p), ("Name", "k")),
        (lambda *p: told.number_or(0, *p), ("Yes",)),
        (lambda *p: told.number_or(0, *p), ("Name",)),
        (told.flag, ("Number",)),
        (told.parts, ("Map",)),
        (told.keys, ("List",)),
        (told.texts, ("Map",)),
        (told.labels, ("Name",)),
        (told.seconds, ("Name",)),
        (told.text, ()),
    ],
)
def test_something_else_is_an_error_that_names_the_place(what: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(StrangeError, match=path[0] if path else "it: "):
        what(ANSWER, *path)
