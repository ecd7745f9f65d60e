"""What a command did: as a table, as JSON, as an exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.commands.report import Report
from cluster.errors import ExitCode, NodeError
from cluster.model.item import Action, Blocked, Deferred, Difference, Item, Keep, Kind, Noted
from cluster.model.line import table
from cluster.model.policy import Busy
from cluster.model.result import Outcome, Result
from cluster.model.state import FoundContainer
from cluster.operations.container import RemoveContainer, RestartContainer
from tests.support.wire import golden

FOUND = FoundContainer("kafka-skp-2", "x", "i", "running", service="kafka")
REMOVE = RemoveContainer("c02", "kafka-skp-2", FOUND, Busy.SKIP)
RESTART = RestartContainer(
    "c01", "jupyter-skp", FOUND, Busy.SKIP, differences=(Difference("status", "running", "dead"),)
)
KEEP = Keep(Kind.CONTAINER, "c01", "registry-skp")
BLOCKED = Blocked(Kind.CONTAINER, "c03", "spark-skp-worker-3", "no GPU", "Give its label away.")
LATER = Deferred(Kind.CONTAINER, "c03", "airflow-skp", "there is no network", "swarm-network")
EVERY = (
    Result(RESTART, Outcome.DONE, "started at attempt 2", seconds=12.345),
    Result(REMOVE, Outcome.BUSY, "2 kernels", "--busy wait waits"),
    Result(REMOVE, Outcome.FAILED, "it ended\n    last line", "docker.logs", seconds=0.04),
    Result(BLOCKED, Outcome.SKIPPED, "no GPU", "Give its label away."),
    Result(LATER, Outcome.PLANNED, "later: there is no network"),
    Result(KEEP, Outcome.UNCHANGED),
)
AWAY = {"c04": NodeError("c04", "can't be reached", "ssh -v c04")}
WHOLE = Report(EVERY, AWAY, ("two managers",), ("spark",), ("jupyter",))


def test_a_report_for_a_terminal() -> None:
    golden("report-text", WHOLE.as_text().splitlines())


def test_a_report_as_json() -> None:
    shown = json.dumps(WHOLE.as_document(), indent=2, ensure_ascii=False)
    golden("report-json", shown.splitlines())


def test_the_table_of_usual_names_fits_80_columns() -> None:
    head_and_rows = WHOLE.as_text().splitlines()[:6]
    assert head_and_rows[0].split() == ["NODE", "WHAT", "RESULT"]
    assert max(map(len, head_and_rows)) <= 80


def test_json_has_every_field_of_a_step() -> None:
    document = json.loads(json.dumps(WHOLE.as_document()))
    assert document["steps"][0] == {
        "kind": "container", "action": "restart", "node": "c01", "name": "jupyter-skp",
        "outcome": "done", "detail": "started at attempt 2", "hint": "", "seconds": 12.345,
        "differences": [{"name": "status", "wanted": "running", "found": "dead"}],
    }  # fmt: skip


ENDS: list[tuple[list[Result], dict[str, Any], ExitCode, int, str]] = [
    ([], {}, ExitCode.OK, 0, "Nothing to change (nothing wanted)."),
    ([Result(KEEP, Outcome.UNCHANGED)], {}, ExitCode.OK, 0, "Nothing to change (1 unchanged)."),
    ([Result(REMOVE, Outcome.DONE)], {}, ExitCode.OK, 1, "1 done."),
    ([Result(REMOVE, Outcome.PLANNED)], {}, ExitCode.OK, 1, "1 planned."),
    ([Result(LATER, Outcome.PLANNED)], {}, ExitCode.OK, 0, "Nothing to change (1 planned)."),
    ([Result(REMOVE, Outcome.BUSY)], {}, ExitCode.OK, 0, "Nothing to change (1 busy)."),
    ([Result(REMOVE, Outcome.FAILED)], {}, ExitCode.FAILED, 0, "1 failed."),
    ([Result(BLOCKED, Outcome.SKIPPED)], {}, ExitCode.FAILED, 0, "1 skipped."),
    ([Result(REMOVE, Outcome.DONE)], AWAY, ExitCode.FAILED, 1, "1 done, 1 node(s) unreachable."),
]


@pytest.mark.parametrize(("results", "away", "code", "changed", "summary"), ENDS)
def test_how_a_command_ends(
    results: list[Result], away: dict[str, Any], code: ExitCode, changed: int, summary: str
) -> None:
    report = Report(tuple(results), away)
    assert (report.exit_code, report.changed) == (code, changed)
    assert report.as_text().splitlines()[-1] == summary


VERBS: list[tuple[Item, Outcome, str]] = [
    (RESTART, Outcome.BUSY, "busy, not restarted"),
    (REMOVE, Outcome.BUSY, "busy, not removed"),
    (Noted(Kind.IMAGE, Action.BUILD, "c01", "x"), Outcome.FAILED, "build failed"),
    (BLOCKED, Outcome.SKIPPED, "skipped"),
    (REMOVE, Outcome.DONE, "remove"),
]


@pytest.mark.parametrize(("item", "outcome", "verb"), VERBS)
def test_what_a_table_calls_it(item: Item, outcome: Outcome, verb: str) -> None:
    row = Report((Result(item, outcome),), {}).as_text().splitlines()[1]
    assert verb in row


def test_a_table_is_aligned_and_has_no_blanks_at_its_ends() -> None:
    assert table(("A", "B"), [("longer", "x"), ("y", "")]) == ["A       B", "longer  x", "y"]
