"""One change under a steady load: what its users noticed."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from statistics import median, quantiles
from threading import Event

from bench.switch.contenders import Contender
from bench.switch.pages import Page
from tests.support.steady_load import (
    DOWNLOAD,
    REQUEST,
    SOCKET,
    Lost,
    Seen,
    downloading,
    load,
    talking,
)

RATE = 200  # requests a second
AROUND = 30  # seconds before the switch and after it
_KILOBYTES, _SECONDS = 300, 25  # of the download: it begins with the command


@dataclass(frozen=True)
class Noticed:
    """What users noticed of one change.

    Attributes:
        requests, sockets, downloads: how many were lost. asked, talks: how many requests and
            WebSockets there were. spanned: downloads that went on at the switch: one or none.
        slowest: the slowest answer, in ms. middle, p99: of answers in the minute around the
            switch, in ms. first, end: seconds from the command to the first answer of the new
            version, and to the command's end. why: what each lost one's client said.
    """

    requests: int
    sockets: int
    downloads: int
    asked: int
    talks: int
    spanned: int
    slowest: float
    middle: float
    p99: float
    first: float
    end: float
    why: list[str]


def change(contender: Contender, to: Page) -> Noticed:
    """Change the version under load, half a minute after it begins and before it ends.

    Ends the benchmark where the new version never answers.
    """
    page = contender.page
    with load(page, RATE) as seen, talking(page, seen):
        Event().wait(AROUND)
        began = time.monotonic()
        with downloading(page, _KILOBYTES, _SECONDS, seen):
            contender.change(to)
            ended = time.monotonic()
            switched = _switched(contender, seen, to.word)
        Event().wait(max(0.0, switched + AROUND - time.monotonic()))
    return _noticed(seen, began, switched, ended)


def _switched(contender: Contender, seen: Seen, word: str) -> float:
    """Return when the new version answered first; it has half a minute after the command."""
    end = time.monotonic() + AROUND
    while time.monotonic() < end:
        found = [answer.at for answer in list(seen.answers) if answer.word == word]
        if found:
            return min(found)
        Event().wait(0.1)
    sys.exit(f"bench: {contender.name}: nothing said {word}: {seen.words} {seen.lost[:3]}")


def _noticed(seen: Seen, began: float, switched: float, ended: float) -> Noticed:
    took = [each.seconds for each in seen.answers if abs(each.at - switched) <= AROUND]
    return Noticed(
        requests=seen.many_lost(REQUEST),
        sockets=seen.many_lost(SOCKET),
        downloads=seen.many_lost(DOWNLOAD),
        asked=len(seen.answers) + seen.many_lost(REQUEST),
        talks=seen.talks,
        spanned=int(switched < began + _SECONDS),
        slowest=seen.slowest * 1000,
        middle=median(took) * 1000,
        p99=quantiles(took, n=100)[-1] * 1000,
        first=switched - began,
        end=ended - began,
        why=_why(seen.lost),
    )


def _why(lost: list[Lost]) -> list[str]:
    """Return the first words of each kind of loss, each once."""
    return sorted({f"{each.what}: {each.why[:70]}" for each in lost})[:10]
