"""Pages that people open in a browser, and how the front door is to offer them: values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Asks(StrEnum):
    """Who asks whoever opens a page for a password."""

    ACCOUNT = "account"
    """The front door, for the account: the page has no login of its own."""
    OWN = "own"
    """The page itself."""


@dataclass(frozen=True)
class Page:
    """A page of a container.

    Attributes:
        name: unique in the cluster, of a-z, 0-9 and "-": the beginning of its host name.
        title: what people call it.
        container: the container's name, by which it is reached on its overlays.
        inside: its port there, without TLS. port: the one that is published.
        asks: who asks for a password.
        wants_token: whether it is told who asks, by a token for it. (Whoever runs it can use that
            token wherever it counts: what leads to programs of users does not want one.)
        path: where it begins.
        index: which of several pages with the same published port it is, from 0 on.
    """

    name: str
    title: str
    container: str
    inside: int
    port: int
    asks: Asks
    path: str = "/"
    index: int = 0
    wants_token: bool = False
