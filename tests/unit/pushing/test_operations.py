"""Operations on the gate's disk: what is kept, what is found again, and how much of it."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from gate import operation as one
from gate import operation_disk, operations
from gate.operation import Operation, State
from gate.operations import Operations
from gate.protocol import OPERATION, Action, Request
from gate.refusing import Kind, RefusedError
from tests.support.eventually import eventually
from tests.support.gates import FAILED, OK, archive

FILES = archive()


def asked(**more: Any) -> Request:
    given = {"name": "web", "verb": "apply", "key": "", **more}
    return Request("kim", given.pop("project", "vision"), Action.SUBMIT, **given)


@pytest.fixture
def kept(tmp_path: Path) -> Operations:
    return Operations(tmp_path)


def handed_in(kept: Operations, files: bytes = FILES, **more: Any) -> Operation:
    request = asked(**more)
    return kept.submit(request, files if request.verb == "apply" else b"")


def refused(kept: Operations, files: bytes = FILES, **more: Any) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        handed_in(kept, files, **more)
    return error.value


def test_ids_sort_by_their_age_whatever_the_clock_does(
    kept: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in (1000.0, 900.0, 900.0, 0.5):
        monkeypatch.setattr(operations.time, "time", lambda second=second: second)
        handed_in(kept)
    found = [each.id for each in kept.among("vision", "")]
    assert found == sorted(found, reverse=True)
    assert all(OPERATION.fullmatch(each) for each in found)
    assert one.milliseconds_of(found[-1]) == 1_000_000


def test_what_was_handed_in_is_found_by_the_next_gate(kept: Operations, tmp_path: Path) -> None:
    waits, runs, gone = (handed_in(kept, name=name) for name in ("web", "api", "old"))
    for each in (gone, runs):
        assert kept.start(each)
    kept.say(runs, "a line")
    kept.end(gone, {**OK, "deployment": "old", "rows": [{"id": 0}]})
    again = Operations(tmp_path)
    assert again.unended() == ["vision"]
    assert [each.state for each in again.among("vision", "")] == ["succeeded", "running", "pending"]
    assert again.next("vision") == again.find("vision", waits.id)
    assert again.find("vision", gone.id).rows == ({"id": 0},)
    assert again.among("vision", "old")[0].rows == ()
    assert again.files(runs) == FILES
    assert list(again._projects["vision"].folder.glob(f"{gone.id}/files.tar")) == []


def test_the_same_key_answers_the_same_operation(kept: Operations, tmp_path: Path) -> None:
    first = handed_in(kept, key="a-1")
    assert handed_in(kept, key="a-1") == first
    kept.start(first)
    kept.end(first, OK)
    again = Operations(tmp_path)
    assert again.submit(asked(key="a-1"), FILES).state is State.SUCCEEDED
    assert len(again.among("vision", "")) == 1
    assert handed_in(kept, key="a-2").id != first.id
    other = kept.submit(Request("lee", "vision", Action.SUBMIT, verb="apply", key="a-1"), FILES)
    assert other.id != first.id, "a key is its account's own"
    assert handed_in(kept, key="a-1", project="other").id != first.id


@pytest.mark.parametrize(
    "more", [{"name": "api"}, {"verb": "remove"}, {"verb": "rollback", "to": 3}, {"files": b"y"}]
)
def test_a_key_that_was_used_for_something_else_is_refused(
    more: dict[str, Any], kept: Operations
) -> None:
    handed_in(kept, key="a")
    assert refused(kept, key="a", **more).kind is Kind.CONFLICT
    assert len(kept.among("vision", "")) == 1


def test_a_key_asked_for_by_many_at_once_makes_one(kept: Operations) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(handed_in(kept, key="k").id))
        for _ in range(20)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert len(found) == 20
    assert len(set(found)) == 1


def test_no_more_waits_than_there_is_room_for(
    kept: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_WAITING", 2)
    first, _ = handed_in(kept), handed_in(kept)
    assert refused(kept).kind is Kind.MANY
    assert handed_in(kept, project="other").project == "other"
    kept.cancel(first)
    handed_in(kept)
    monkeypatch.setattr(operations, "MOST_BYTES", 3 * len(FILES))
    assert refused(kept, project="third").kind is Kind.MANY
    handed_in(kept, project="third", verb="remove")


def test_the_oldest_are_forgotten_and_none_that_has_not_ended(
    kept: Operations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "KEPT", 3)
    waits = handed_in(kept, key="first")
    ended = [handed_in(kept, key=f"k{number}") for number in range(4)]
    for each in ended:
        kept.cancel(each)
    last = handed_in(kept)
    there = [waits.id, ended[2].id, ended[3].id, last.id]
    assert [each.id for each in reversed(kept.among("vision", ""))] == there
    folders = (tmp_path / "vision" / "operations").iterdir()
    assert sorted(path.name for path in folders) == sorted(there)
    assert handed_in(kept, key="k0").id not in [each.id for each in ended], "the key is forgotten"
    with pytest.raises(RefusedError, match="has no operation"):
        kept.find("vision", ended[0].id)


def test_what_was_cut_short_while_it_was_written_is_no_operation(
    kept: Operations, tmp_path: Path
) -> None:
    made = handed_in(kept)
    half = tmp_path / "vision" / "operations" / ".op_half"
    half.mkdir()
    (half / "files.tar").write_bytes(b"half")
    (tmp_path / "vision" / "operations" / made.id / "operation.json.new").write_text("{")
    again = Operations(tmp_path)
    assert [each.id for each in again.among("vision", "")] == [made.id]
    assert not half.exists()
    assert again.start(made)


def test_what_can_t_be_read_keeps_the_gate_from_nothing_else(
    kept: Operations, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = handed_in(kept), handed_in(kept)
    (tmp_path / "vision" / "operations" / first.id / "operation.json").write_text("{}")
    (tmp_path / "vision" / "operations" / "stray").touch()
    assert Operations(tmp_path).next("vision") == second
    assert capsys.readouterr().err.count("it can't be read") == 2


def test_one_that_waits_is_cancelled_at_once_and_one_that_runs_is_told(kept: Operations) -> None:
    waits, runs = handed_in(kept), handed_in(kept)
    kept.start(runs)
    assert kept.cancel(waits).state is State.CANCELLED
    assert kept.start(waits) is None
    told = kept.cancel(runs)
    assert (told.state, told.is_cancelled) == (State.RUNNING, True)
    assert kept.end(runs, {**FAILED, "error": "cancelled"}).state is State.CANCELLED
    assert kept.cancel(runs).state is State.CANCELLED
    assert "is_cancelled" not in told.document


def test_how_it_ended_is_told(kept: Operations) -> None:
    first, second = handed_in(kept, name=""), handed_in(kept)
    for each in (first, second):
        kept.start(each)
    good = kept.end(first, {**OK, "deployment": "page", "revision": 4, "rows": [{"id": 0}]})
    assert (good.deployment, good.revision, good.exit_code, good.reason) == ("page", 4, 0, "")
    bad = kept.end(second, {**FAILED, "hint": "look", "error": "x" * 9000})
    assert (bad.state, bad.exit_code, bad.hint, len(bad.reason)) == ("failed", 1, "look", 4000)
    assert json.loads(json.dumps(bad.document))["state"] == "failed"
    assert set(bad.document) == {
        *("id", "project", "deployment", "verb", "account", "state", "phase", "reason", "hint"),
        *("exit_code", "created", "started", "ended", "revision", "rows"),
    }


def test_lines_are_followed_from_the_beginning_to_the_end(kept: Operations) -> None:
    made, seen = handed_in(kept), list[str | None]()
    kept.start(made)
    kept.say(made, "first")
    kept.say(made, "  second \udcff ")
    assert kept.find("vision", made.id).phase == "second \udcff"
    follower = threading.Thread(target=lambda: seen.extend(kept.follow("vision", made.id)))
    follower.start()
    eventually(lambda: kept._projects["vision"].changed._waiters)  # type: ignore[attr-defined]
    kept.say(made, "third")
    kept.end(made, OK)
    follower.join(5)
    assert [line for line in seen if line is not None] == ["first", "  second ? ", "third"]
    assert list(kept.follow("vision", made.id)) == ["first", "  second ? ", "third"]


def test_all_of_a_long_log_is_followed_also_after_its_end(kept: Operations) -> None:
    made = handed_in(kept)
    kept.start(made)
    lines = [f"{number} {'x' * 1000}" for number in range(200)]
    for line in lines:
        kept.say(made, line)
    kept.end(made, OK)
    assert list(kept.follow("vision", made.id)) == lines


def test_what_could_not_be_kept_is_not_there(
    kept: Operations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(operation_disk, "_sync", full)
    with pytest.raises(OSError, match="No space left"):
        handed_in(kept)
    assert list((tmp_path / "vision" / "operations").iterdir()) == []
    assert (kept.among("vision", ""), Operations(tmp_path).among("vision", "")) == ([], [])


def test_a_log_has_an_end(kept: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_LOG", 40)
    made = handed_in(kept)
    kept.start(made)
    for number in range(9):
        kept.say(made, f"{number} {'x' * 8}")
    kept.end(made, OK)
    found = list(kept.follow("vision", made.id))
    assert found == [
        *(f"{number} xxxxxxxx" for number in range(4)), "... (further lines are left out)",
    ]  # fmt: skip


def test_an_operation_of_another_project_is_not_there(kept: Operations) -> None:
    made = handed_in(kept)
    for project, ident in (("other", made.id), ("vision", "op_" + "0" * 26)):
        with pytest.raises(RefusedError) as error:
            kept.find(project, ident)
        assert error.value.kind is Kind.UNKNOWN
    assert kept.among("other", "") == []


def test_what_a_later_version_has_kept_is_read(kept: Operations, tmp_path: Path) -> None:
    made = handed_in(kept)
    path = tmp_path / "vision" / "operations" / made.id / "operation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "red"}))
    assert Operations(tmp_path).find("vision", made.id) == made
