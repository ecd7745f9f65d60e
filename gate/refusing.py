"""What a client is told of an error: what a command's JSON says, and which kind it is. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from cli.command import document
from cluster.errors import ConfigError, ConfigErrors, NodeError, SkpError
from workloads.accounts import NoAccountError


class Kind(StrEnum):
    """What an error is about, for programs; protocol.py says what each means."""

    WRONG = "wrong"
    FORBIDDEN = "forbidden"
    UNKNOWN = "not found"
    CONFLICT = "conflict"
    MANY = "too many"
    AWAY = "away"
    FAILED = "failed"


OWN_FAULT = "an error of SKP's own: tell the operator, whose log has it"
"""What a client is told where the log has the rest."""


class RefusedError(ConfigError):
    """A request that is refused.

    Attributes:
        kind: what it is about.
    """

    def __init__(self, kind: Kind, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.kind = kind


def told(error: SkpError) -> dict[str, Any]:
    """Return what a client is told of an error."""
    found = {**document(error), "kind": str(kind(error))}
    if isinstance(error, ConfigErrors):
        found["errors"] = [{"error": each.what, "hint": each.hint} for each in error.errors]
    return found


def kind(error: SkpError) -> Kind:
    """Return what an error is about."""
    if isinstance(error, RefusedError):
        return error.kind
    if isinstance(error, NoAccountError):
        return Kind.FORBIDDEN
    if isinstance(error, ConfigError):
        return Kind.WRONG
    return Kind.AWAY if isinstance(error, NodeError) else Kind.FAILED
