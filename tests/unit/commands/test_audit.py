"""The audit trail: what is appended, rotated, read again and merged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.commands import audit as trails
from cluster.commands.audit import Audit, Trail, faults, merged, read
from cluster.config.inventory import Inventory
from cluster.connectors.local import LocalConnection
from cluster.connectors.node import Node
from cluster.lock.holder import Holder
from cluster.model.item import Action, Kind, Noted
from cluster.model.result import Outcome, Result
from tests.support.fakes import SHORT, FakeFleet, done, fake_fleet, fake_host, golden

OTHER = Holder("bob@laptop", "docker.apply", "2026-11-28T09:00:00+00:00", "boot-2", 1, "1")
NOTED = Noted(Kind.IMAGE, Action.BUILD, "c01", "skp/docker-ds:latest")


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


def entry(second: int, event: str = "begin", **more: Any) -> dict[str, Any]:
    return {
        "time": f"2026-11-28T10:00:0{second}+00:00", "who": "ann@desk", "process": 17,
        "command": "docker.apply", "event": event, **more,
    }  # fmt: skip


def lines(*items: object) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


def test_the_last_entries_are_read_across_the_rotation(
    fleet: FakeFleet, inventory: Inventory
) -> None:
    fleet.connections["c01"].on_run("tail -qn", done(0, lines(entry(1), entry(2), entry(3))))
    found = read(fleet, inventory, 2)
    assert found.values["c01"] == Trail((entry(2), entry(3)))
    assert (
        "tail -qn 2 /var/lib/skp/audit.jsonl.1 /var/lib/skp/audit.jsonl 2>/dev/null"
        in fleet.connections["c01"].wire[0]
    )


OTHERS = [
    '{"time": "2026', "", "\0\0\0", "7", "[]", "[" * 100_000, json.dumps(entry(1, "end")),
    json.dumps(entry(1, process="x")), json.dumps(entry(1, time="now")),
    json.dumps(entry(1, "end", outcome="done", steps=[{"action": "create"}])),
]  # fmt: skip


@pytest.mark.parametrize("half", OTHERS)
def test_half_a_line_and_what_is_no_entry_are_passed_over(
    fleet: FakeFleet, inventory: Inventory, half: str
) -> None:
    text = f"{half}\n{lines(entry(2))}"
    fleet.connections["c01"].on_run("tail -qn", done(0, text))
    assert read(fleet, inventory, 9).values["c01"] == Trail((entry(2),))


def test_entries_of_several_managers_are_merged_each_once_and_by_time() -> None:
    first = Trail((entry(1), entry(3)))
    second = Trail((dict(reversed(entry(1).items())), entry(2)))
    assert merged([first, second], 9) == [entry(1), entry(2), entry(3)]
    assert merged([first, second], 2) == [entry(2), entry(3)]
    assert faults({"c01": first, "c02": second}) == []


def test_what_managers_tell_differently_is_told() -> None:
    found = {"c01": Trail((entry(1),)), "c02": Trail((entry(1, command="docker.kafka-rm"),))}
    (fault,) = faults(found)
    assert fault.startswith("c01 and c02 tell differently of the entry of 2026-11-28T10:00:01 (")


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """This machine as a manager: the real commands, with a file and a `sudo` of its own."""
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(trails, "PATH", str(tmp_path / "var" / "audit.jsonl"))
    return Node(fake_host("c01"), LocalConnection("c01"), replace(SHORT, request=5.0))


def appended(node: Node, *entries: dict[str, Any]) -> Path:
    for item in entries:
        trails._append(node, lines(item).encode())
    return Path(trails.PATH)


def test_what_was_written_is_read(node: Node) -> None:
    told = [entry(1), entry(2, detail="größer, 'so' \"\\n$x `y` %s")]
    file = appended(node, *told)
    assert trails._tail(node, 9) == Trail(tuple(told))
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_chain_goes_on_when_the_file_is_turned_over(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = appended(node, entry(1), entry(2))
    monkeypatch.setattr(trails, "_LIMIT", 10)
    appended(node, entry(3))
    assert len(file.read_text().splitlines()) == 1
    assert trails._tail(node, 9) == Trail((entry(1), entry(2), entry(3)))
    older = Path(f"{file}.1")
    older.write_text(older.read_text().replace("ann", "bob"))
    assert len(trails._tail(node, 9).faults) == 2


def test_entries_of_an_older_version_and_half_lines_stay_and_the_chain_begins_after_them(
    node: Node,
) -> None:
    file = Path(trails.PATH)
    file.parent.mkdir()
    file.write_text(lines(entry(1), entry(2)) + '{"time": "20')
    appended(node, entry(3), entry(4))
    assert trails._tail(node, 9) == Trail((entry(1), entry(2), entry(3), entry(4)))


def test_what_was_changed_or_removed_is_told_by_the_entry_after_it(node: Node) -> None:
    every = [entry(number) for number in range(1, 6)]
    file = appended(node, *every)
    written_lines = file.read_text().splitlines(keepends=True)
    changed = [
        [written_lines[0], written_lines[1].replace("ann", "bob"), *written_lines[2:]],
        [*written_lines[:1], *written_lines[2:]],
        [*written_lines[:1], written_lines[2], written_lines[1], *written_lines[3:]],
        [*written_lines[:2], lines(entry(3)), *written_lines[3:]],
    ]
    for attack in changed:
        file.write_text("".join(attack))
        (first, *_) = trails._tail(node, 9).faults
        assert first.startswith("what stood before the entry of 2026-11-28T10:00:0")
    file.write_text("".join(written_lines))
    assert trails._tail(node, 9) == Trail(tuple(every))
