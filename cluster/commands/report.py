"""The report of a command, as a table, as JSON, and as an exit code."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from cluster.errors import ExitCode, NodeError
from cluster.model.item import Action, Key
from cluster.model.line import Line, Tone, Toned, line, table
from cluster.model.result import Outcome, Result

_MARKS = {
    Outcome.UNCHANGED: Toned(" ", Tone.QUIET),
    Outcome.PLANNED: Toned("~", Tone.NEW),
    Outcome.DONE: Toned("+", Tone.GOOD),
    Outcome.BUSY: Toned("=", Tone.WAITING),
    Outcome.FAILED: Toned("!", Tone.BAD),
    Outcome.SKIPPED: Toned("-", Tone.WAITING),
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
        """Return the report as lines in one text."""
        return "\n".join(self.as_lines())

    def as_lines(self, told: Container[Key] = ()) -> list[str]:
        """Return the report for a terminal: what changed or failed, then a summary in one line.

        Args:
            told: the keys of items whose ends a person has seen already: they get no row.
        """
        shown = [r for r in self.results if r.outcome is not Outcome.UNCHANGED]
        rows = [_row(r) for r in shown if r.item.key not in told]
        lines: list[str] = [*table(("", "NODE", "WHAT", "RESULT", ""), rows)] if rows else []
        for result in shown:
            lines += _details(result)
        for error in self.unreachable.values():
            lines.append(line(Toned("!", Tone.BAD), f" {error.what}"))
            lines += [f"  {error.hint}"] if error.hint else []
        lines += [
            f"  {name} is held: ./skp.py docker.{name}-run lifts that" for name in self.stopped
        ]
        lines += [
            f"  {name} stays rolled back: ./skp.py docker.{name}-run lifts that"
            for name in self.pinned
        ]
        return [*lines, self._summary()]

    def _summary(self) -> Line:
        counts = {o: sum(r.outcome is o for r in self.results) for o in Outcome}
        words = [f"{count} {outcome}" for outcome, count in counts.items() if count]
        if self.unreachable:
            words.append(f"{len(self.unreachable)} node(s) unreachable")
        if not self.changed and self.exit_code is ExitCode.OK:
            said = f"Nothing to change ({', '.join(words) or 'nothing wanted'})."
        else:
            said = f"{', '.join(words)}."
        return line(Toned(said, Tone.GOOD if self.exit_code is ExitCode.OK else Tone.BAD))


def ended(result: Result) -> Line:
    """Return how one operation ended, as a line that comes when it does."""
    item, mark = result.item, _MARKS[result.outcome]
    rest = "" if result.outcome is Outcome.DONE else f": {_verb(result)}"
    return line(mark, f" {item.node}: {item.describe()}{rest}, {result.seconds:.1f} s")


def _row(result: Result) -> tuple[str, ...]:
    item, mark = result.item, _MARKS[result.outcome]
    took = result.outcome in (Outcome.DONE, Outcome.FAILED)
    verb = Toned(_verb(result), mark.tone)
    return (mark, item.node, item.name, verb, f"{result.seconds:.1f} s" if took else "")


_PAST = {Action.RESTART: "restarted", Action.REMOVE: "removed"}


def _verb(result: Result) -> str:
    action = result.item.action
    if result.outcome is Outcome.BUSY:
        return f"busy, not {_PAST.get(action, 'replaced')}"
    if result.outcome in (Outcome.DONE, Outcome.PLANNED):
        return result.item.verb
    return str(result.outcome) if result.item.is_blocked else f"{action} {result.outcome}"


def _details(result: Result) -> list[str]:
    where, mark = f"{result.item.node} {result.item.name}", _MARKS[result.outcome]
    lines: list[str] = []
    if result.outcome in (Outcome.PLANNED, Outcome.DONE):
        lines += [f"  {where}: {difference}" for difference in result.item.differences]
    if result.detail:
        first, *rest = result.detail.splitlines()
        lines += [line(mark, f" {where}: {first}"), *(f"    | {more}" for more in rest)]
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
