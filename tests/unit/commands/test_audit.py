"""The audit trail: what is appended, rotated, read again and merged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cluster.commands.audit import Audit, entries, merged
from cluster.config.inventory import Inventory
from cluster.connectors.base import Completed
from cluster.lock.holder import Holder
from cluster.model.item import Action, Kind, Noted
from cluster.model.result import Outcome, Result
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import FakeFleet, Ran, done, fake_fleet, golden

OTHER = Holder("bob@laptop", "docker.apply", "2026-11-28T09:00:00+00:00", "boot-2", 1, "1")
NOTED = Noted(Kind.IMAGE, Action.BUILD, "c01", "skp/docker-ds:latest")


@pytest.fixture
def inventory(cluster: FakeCluster) -> Inventory:
    return cluster.wanted.inventory


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = fake_fleet("c01", "c02", "c03")
    for connection in fleet.connections.values():
        connection.on_run("audit.jsonl", done())
    return fleet


@pytest.fixture
def audit(fleet: FakeFleet, inventory: Inventory, me: Holder) -> Audit:
    return Audit(fleet, inventory, me)


def written(fleet: FakeFleet, name: str = "c01") -> list[dict[str, Any]]:
    """Return the lines that a manager was given."""
    found = [ran.stdin for ran in fleet.connections[name].commands]
    assert all(isinstance(line, bytes) and line.endswith(b"\n") for line in found)
    return [json.loads(line) for line in found if isinstance(line, bytes)]


def test_a_line_is_appended_by_one_command_which_turns_the_file_over(
    audit: Audit, fleet: FakeFleet
) -> None:
    audit.begin(None)
    golden("audit-line", [line.rpartition(" < ")[0] for line in fleet.connections["c02"].wire])


def test_a_beginning_says_who_what_and_when(audit: Audit, fleet: FakeFleet) -> None:
    audit.begin(None)
    (entry,) = written(fleet)
    moment = datetime.fromisoformat(entry.pop("time"))
    assert moment.utcoffset() is not None
    assert entry == {
        "event": "begin", "who": "ann@desk", "process": 17, "command": "docker.apply",
    }  # fmt: skip


def test_a_beginning_names_the_command_that_died_before_it(audit: Audit, fleet: FakeFleet) -> None:
    audit.begin(OTHER)
    assert written(fleet)[0]["after"] == str(OTHER)


def test_all_managers_get_the_same_line(audit: Audit, fleet: FakeFleet) -> None:
    audit.begin(None)
    assert written(fleet, "c01") == written(fleet, "c02") == written(fleet, "c03")


RESULTS = [
    (Result(NOTED, Outcome.DONE, seconds=1.23456), "done"),
    (Result(NOTED, Outcome.BUSY, "two kernels\nand more"), "done"),
    (Result(NOTED, Outcome.FAILED, "no space"), "failed"),
    (Result(NOTED, Outcome.SKIPPED), "failed"),
]


@pytest.mark.parametrize(("result", "outcome"), RESULTS)
def test_an_end_says_how_it_ended(
    audit: Audit, fleet: FakeFleet, result: Result, outcome: str
) -> None:
    with audit.recording([result]):
        pass
    (entry,) = written(fleet)
    assert (entry["event"], entry["outcome"]) == ("end", outcome)
    (step,) = entry["steps"]
    assert step["outcome"] == str(result.outcome)
    assert step.get("detail", "") == result.detail.partition("\n")[0]
    assert step["seconds"] == round(result.seconds, 3)
    assert (step["action"], step["kind"]) == ("build", "image")


@pytest.mark.parametrize(
    ("error", "outcome"), [(KeyboardInterrupt, "interrupted"), (ValueError, "failed")]
)
def test_a_command_that_breaks_off_is_recorded_with_what_was_done_by_then(
    audit: Audit, fleet: FakeFleet, error: type[BaseException], outcome: str
) -> None:
    results: list[Result] = []
    with pytest.raises(error), audit.recording(results):
        results.append(Result(NOTED, Outcome.DONE))
        raise error
    (entry,) = written(fleet)
    assert (entry["outcome"], len(entry["steps"])) == (outcome, 1)


def test_a_manager_that_can_not_write_is_complained_of_and_the_others_write(
    audit: Audit, fleet: FakeFleet
) -> None:
    fleet.connections["c02"].on_run("audit.jsonl", done(1, stderr="sh: No space left\n"))
    audit.begin(None)
    (complaint,) = audit.complaints
    assert complaint.startswith("the audit trail was not written: c02: a command as root failed")
    assert len(written(fleet, "c03")) == 1


def test_a_manager_that_can_not_be_reached_misses_it(inventory: Inventory, me: Holder) -> None:
    fleet = fake_fleet("c01", "c02", "c03", unreachable=["c01", "c02"])
    fleet.connections["c03"].on_run("audit.jsonl", done())
    audit = Audit(fleet, inventory, me)
    audit.begin(None)
    assert (audit.complaints, len(written(fleet, "c03"))) == ([], 1)


def entry(second: int, event: str = "begin") -> dict[str, Any]:
    return {"time": f"2026-11-28T10:00:0{second}+00:00", "event": event}


def lines(*items: object) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


def test_the_last_entries_are_read_across_the_rotation(
    fleet: FakeFleet, inventory: Inventory
) -> None:
    fleet.connections["c01"].on_run("tail -qn", done(0, lines(entry(1), entry(2), entry(3))))
    found = entries(fleet, inventory, 2)
    assert found.values["c01"] == [entry(2), entry(3)]
    assert (
        "tail -qn 2 /var/lib/skp/audit.jsonl.1 /var/lib/skp/audit.jsonl 2>/dev/null"
        in fleet.connections["c01"].wire[0]
    )


@pytest.mark.parametrize("half", ['{"time": "2026', "", "\0\0\0"])
def test_half_a_line_is_passed_over(fleet: FakeFleet, inventory: Inventory, half: str) -> None:
    text = f"{half}\n{lines(entry(2))}"
    fleet.connections["c01"].on_run("tail -qn", done(0, text))
    assert entries(fleet, inventory, 9).values["c01"] == [entry(2)]


def test_entries_of_several_managers_are_merged_each_once_and_by_time() -> None:
    first = [entry(1), entry(3)]
    second = [dict(reversed(entry(1).items())), entry(2)]
    assert merged([first, second], 9) == [entry(1), entry(2), entry(3)]
    assert merged([first, second], 2) == [entry(2), entry(3)]


@pytest.fixture
def trail(fleet: FakeFleet) -> Callable[[Ran], Completed]:
    """A manager's file as a node keeps it: what is appended is read."""
    kept: list[bytes] = []

    def answer(ran: Ran) -> Completed:
        if "cat >>" in ran.command:
            assert isinstance(ran.stdin, bytes)
            kept.append(ran.stdin)
            return done()
        return Completed(0, b"".join(kept), b"")

    return answer


def test_what_was_written_is_read(
    audit: Audit, fleet: FakeFleet, inventory: Inventory, trail: Callable[[Ran], Completed]
) -> None:
    fleet.connections["c01"].on_run("audit.jsonl", trail)
    audit.begin(None)
    with audit.recording([Result(NOTED, Outcome.DONE, "größer")]):
        pass
    begin, end = entries(fleet, inventory, 9).values["c01"]
    assert (begin["event"], end["steps"][0]["detail"]) == ("begin", "größer")
