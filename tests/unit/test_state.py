"""What observation makes of what nodes say."""

from __future__ import annotations

import pytest

from cluster.model.state import FoundNode, Membership, clock_warnings, moment


def nodes(*clocks: float) -> dict[str, FoundNode]:
    return {
        f"c{n}": FoundNode(f"c{n}", f"c{n}", "26", Membership(), {}, clock=clock)
        for n, clock in enumerate(clocks, 1)
    }


def test_clocks_that_agree_are_not_mentioned() -> None:
    assert clock_warnings(nodes(100.0, 100.5, 99.8)) == []
    assert clock_warnings({}) == []


def test_a_clock_that_differs_is_named() -> None:
    (warning,) = clock_warnings(nodes(0.1, -300.0, 0.2))
    assert warning.startswith("the clock of c2 is 300 s behind the others'")


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:01.123456789Z", 1.123456),
        ("1970-01-01T09:00:02+09:00", 2.0),
    ],
)
def test_an_engines_time_is_understood(told: str, seconds: float) -> None:
    assert moment(told) == pytest.approx(seconds)
