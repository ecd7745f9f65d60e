"""What TANGO's manager is answered, word for word: as its cloud or its k8s target did. Pure.

It reads a body as text, and takes quotes away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.facade_status import Word

_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"
_MOST_TOLD, _MOST_EACH = 20, 300  # headers of an answer, and characters of each
# What the k8s target calls it. It speaks of its own work: what is deployed is completed.
_K8S = {
    Word.STARTED: "running",
    Word.BUILDING: "running",
    Word.PREPARING: "running",
    Word.RUNNING: "completed",
}


class Style(StrEnum):
    """Whose answers are given.

    Attributes:
        TEXT: the cloud target's, plain words. JSON: the k8s target's, JSON strings.
    """

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class Answer:
    """An answer of HTTP.

    Attributes:
        body: text. kind: its media type. headers: further ones.
    """

    status: int
    body: str
    kind: str = _TEXT
    headers: tuple[tuple[str, str], ...] = ()


def shown(text: str) -> str:
    """Return a text on one line, as it can be told: what a file says may have anything in it."""
    line = "; ".join(text.splitlines())
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


def said(style: Style, text: str, told: Sequence[str] = ()) -> Answer:
    """Return the answer that says a word.

    Args:
        told: what a person should know: a header X-Skp-Warning each, of ASCII alone.
    """
    plain = [shown(each).encode("ascii", "backslashreplace").decode() for each in told]
    headers = tuple(("X-Skp-Warning", each[:_MOST_EACH]) for each in plain[:_MOST_TOLD])
    if style is Style.JSON:
        return Answer(200, json.dumps(text), _JSON, headers)
    return Answer(200, text, _TEXT, headers)


def refused(status: int, detail: str) -> Answer:
    """Return the answer that refuses a request."""
    return Answer(status, json.dumps({"detail": detail}, separators=(",", ":")), _JSON)


def status(style: Style, word: Word | None) -> Answer:
    """Return the answer that says how a service is; None for one that was never there."""
    if style is Style.JSON:
        return said(style, _K8S.get(word, word) if word else "ready")
    return said(style, word) if word else refused(404, "Service not found")


def started(style: Style, told: Sequence[str]) -> Answer:
    """Return the answer that a service is being started."""
    return said(style, "started", told)


def missing() -> Answer:
    """Return the answer that there is no deployment.yaml, or none that is read."""
    return refused(400, "Deployment YAML not found")


def exists(word: Word) -> Answer:
    """Return the answer that a service is there already."""
    return refused(400, f"Service already exists ({word})")


def finished(style: Style) -> Answer:
    """Return the answer that a service is stopped."""
    return said(style, "finished")


def nothing_to_stop(style: Style) -> Answer:
    """Return the answer that there is no service that could be stopped."""
    return finished(style) if style is Style.JSON else refused(404, "Service not found")
