"""The report of a command, as a table, as JSON, and as an exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.errors import ExitCode, NodeError
from cluster.model.item import Action
from cluster.model.result import Outcome, Result

_MARKS = {
    Outcome.UNCHANGED: " ",
    Outcome.PLANNED: "~",
    Outcome.DONE: "+",
    Outcome.BUSY: "=",
    Outcome.FAILED: "!",
    Outcome.SKIPPED: "-",
}


@dataclass(frozen=True)
class Report:
    """The outcome of one command.

    Attributes:
        results: every item with its outcome.
        unreachable: the nodes that could not be asked, and why.
        warnings: what a person should know, without it being an error.
        stopped: services that were left down because a person stopped them.
        pinned: services that stay at the image that a rollback chose.
    """

    results: tuple[Result, ...]
    unreachable: Mapping[str, NodeError]
    warnings: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """OK when all is as wanted, else FAILED."""
        fine = all(result.ok for result in self.results) and not self.unreachable
        return ExitCode.OK if fine else ExitCode.FAILED

    @property
    def changed(self) -> int:
        """How many operations changed something, or would."""
        planned = (r.outcome is Outcome.PLANNED and r.item.changes for r in self.results)
        return sum(r.outcome is Outcome.DONE for r in self.results) + sum(planned)

    def as_document(self) -> dict[str, object]:
        """Return the report as --json shows it."""
        return {
            "ok": self.exit_code is ExitCode.OK,
            "exit_code": int(self.exit_code),
            "changed": self.changed,
            "steps": [_plain(result) for result in self.results],
            "unreachable": {name: error.what for name, error in self.unreachable.items()},
            "held": list(self.stopped),
            "pinned": list(self.pinned),
            "warnings": list(self.warnings),
        }

    def as_text(self) -> str:
        """Return the report for a terminal: what changed or failed, then a summary in one line."""
        shown = [r for r in self.results if r.outcome is not Outcome.UNCHANGED]
        rows = [
            (_MARKS[r.outcome], r.item.node, r.item.name, _verb(r), f"{r.seconds:.1f} s")
            if r.outcome in (Outcome.DONE, Outcome.FAILED)
            else (_MARKS[r.outcome], r.item.node, r.item.name, _verb(r), "")
            for r in shown
        ]
        lines = table(("", "NODE", "WHAT", "RESULT", ""), rows) if rows else []
        for result in shown:
            lines += _details(result)
        for error in self.unreachable.values():
            lines += [f"! {error.what}", *([f"  {error.hint}"] if error.hint else [])]
        lines += [
            f"  {name} is held: ./skp.py docker.{name}-run lifts that" for name in self.stopped
        ]
        lines += [
            f"  {name} stays rolled back: ./skp.py docker.{name}-run lifts that"
            for name in self.pinned
        ]
        return "\n".join([*lines, self._summary()])

    def _summary(self) -> str:
        counts = {o: sum(r.outcome is o for r in self.results) for o in Outcome}
        words = [f"{count} {outcome}" for outcome, count in counts.items() if count]
        if self.unreachable:
            words.append(f"{len(self.unreachable)} node(s) unreachable")
        if not self.changed and self.exit_code is ExitCode.OK:
            return f"Nothing to change ({', '.join(words) or 'nothing wanted'})."
        return f"{', '.join(words)}."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines, without blanks at their ends."""
    rows = [[" ".join(str(cell).splitlines()) for cell in row] for row in rows]
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]


_PAST = {Action.RESTART: "restarted", Action.REMOVE: "removed"}


def _verb(result: Result) -> str:
    action = result.item.action
    if result.outcome is Outcome.BUSY:
        return f"busy, not {_PAST.get(action, 'replaced')}"
    if result.outcome in (Outcome.DONE, Outcome.PLANNED):
        return result.item.verb
    return str(result.outcome) if result.item.is_blocked else f"{action} {result.outcome}"


def _details(result: Result) -> list[str]:
    where = f"{result.item.node} {result.item.name}"
    lines = []
    if result.outcome in (Outcome.PLANNED, Outcome.DONE):
        lines += [f"  {where}: {difference}" for difference in result.item.differences]
    if result.detail:
        first, *rest = result.detail.splitlines()
        lines += [f"{_MARKS[result.outcome]} {where}: {first}", *(f"    | {line}" for line in rest)]
    if result.hint:
        lines.append(f"  {result.hint}")
    return lines


def _plain(result: Result) -> dict[str, object]:
    item = result.item
    return {
        "kind": item.kind,
        "action": item.action,
        "node": item.node,
        "name": item.name,
        "outcome": result.outcome,
        "detail": result.detail,
        "hint": result.hint,
        "seconds": round(result.seconds, 3),
        "differences": [
            {"name": d.name, "wanted": d.wanted, "found": d.found} for d in item.differences
        ],
    }
