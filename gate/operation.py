"""One operation: a change of a deployment that somebody handed in, and what became of it. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from cluster.model import sortable
from gate.protocol import Verb

_PREFIX = "op_"
_OWN = {"to", "key", "digest", "size", "is_cancelled"}  # what nobody is told
_LONGEST = 4000  # characters of a reason, and of a hint


class State(StrEnum):
    """How far an operation is."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


LIVE = (State.PENDING, State.RUNNING)
"""States of what has not ended."""


@dataclass(frozen=True)
class Operation:
    """An operation.

    Attributes:
        id: "op_" and 26 letters; a later one of a project sorts after an earlier one.
        deployment: its name; "" while that is not known. account: who handed it in.
        phase: the last line that it told. reason, hint: why it failed.
        created, started, ended: seconds since 1970.
        revision: the deployment's when it ended. rows: its containers then.
        to: the revision of a rollback; 0 for the one before. key: by which its client knows it.
        digest: of what was handed in. size: bytes of its files.
        is_cancelled: whether it was told to take back what it began.
    """

    id: str
    project: str
    deployment: str
    verb: Verb
    account: str
    created: float
    state: State = State.PENDING
    phase: str = ""
    reason: str = ""
    hint: str = ""
    exit_code: int | None = None
    started: float | None = None
    ended: float | None = None
    revision: int | None = None
    rows: tuple[dict[str, Any], ...] = ()
    to: int = 0
    key: str = ""
    digest: str = ""
    size: int = 0
    is_cancelled: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    @property
    def document(self) -> dict[str, Any]:
        """What a client is told."""
        return {key: value for key, value in asdict(self).items() if key not in _OWN}

    @property
    def summary(self) -> dict[str, Any]:
        """What a client is told of it among others: all but its containers."""
        return replace(self, rows=()).document


def parsed(said: dict[str, Any]) -> Operation:
    """Return an operation as it was kept; keys of a later version are left out."""
    known = {each.name for each in fields(Operation)}
    kept = {key: value for key, value in said.items() if key in known}
    form = {"verb": Verb(kept["verb"]), "state": State(kept["state"])}
    return Operation(**{**kept, **form, "rows": tuple(kept["rows"])})


def done(operation: Operation, found: dict[str, Any], now: float) -> Operation:
    """Return an operation with how it ended.

    Args:
        found: a worker's result. now: in seconds since 1970.
    """
    state = State.CANCELLED if operation.is_cancelled else State.FAILED
    failed: dict[str, Any] = {
        "reason": str(found.get("error", ""))[:_LONGEST],
        "hint": str(found.get("hint", ""))[:_LONGEST],
    }
    return replace(
        operation,
        state=State.SUCCEEDED if found.get("ok") else state,
        deployment=found.get("deployment") or operation.deployment,
        exit_code=found.get("exit_code"),
        ended=now,
        revision=found.get("revision"),
        rows=tuple(found.get("rows") or ()),
        **({} if found.get("ok") else failed),
    )


def new_id(milliseconds: int) -> str:
    """Return an id that sorts after all of earlier milliseconds."""
    return sortable.made(_PREFIX, milliseconds, 16)


def milliseconds_of(ident: str) -> int:
    """Return when an id was made, in milliseconds since 1970."""
    return sortable.milliseconds_of(ident, _PREFIX)
