"""The gate's rules: what a request may say, which files it takes, what is chosen, what is kept."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ConfigError, ConfigErrors, NodeError, SkpError
from gate import choosing, protocol, records, refusing
from gate.lines import Lines
from gate.protocol import Action, Request
from gate.records import Brought, Push, State
from gate.spool import check, unpacked
from workloads.accounts import NoAccountError

TREE, OTHER = "a" * 40, "b" * 40
SAID: dict[str, Any] = {"account": "kim", "project": "vision", "action": "apply"}


def test_a_request_is_a_line_of_json() -> None:
    said = {**SAID, "commit": TREE, "trees": {"web": TREE}, "files": 512}
    found = protocol.parse(json.dumps(said).encode())
    assert found == Request("kim", "vision", Action.APPLY, TREE, "", {"web": TREE}, 512)
    assert protocol.parse_own(found.text()) == found


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": ""}, {"account": "Kim"}, {"account": "kim;id"}, {"account": 1},
        {"project": ""}, {"project": "../x"}, {"project": "Vision"},
        {"action": "recover"}, {"action": "rm"}, {"action": None},
        {"commit": "HEAD"}, {"commit": "--x"}, {"name": "-x"}, {"name": "a b"},
        {"files": -1}, {"files": "1"}, {"files": True}, {"files": 1 << 30},
        {"trees": []}, {"trees": {"..": TREE}}, {"trees": {"web": "x"}}, {"more": 1},
    ],
)  # fmt: skip
def test_other_requests_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        protocol.parse(json.dumps({**SAID, **wrong}).encode())


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"1", b'"x"', b"\xff", b"{"])
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(ConfigError):
        protocol.parse(line)


IDENT = "op_" + "0" * 26
SUBMIT: dict[str, Any] = {**SAID, "action": "submit", "verb": "apply", "files": 512}


@pytest.mark.parametrize(
    "said",
    [
        SUBMIT,
        {**SUBMIT, "name": "web", "key": "a.B_1:-"},
        {**SUBMIT, "verb": "remove", "name": "web", "files": 0},
        {**SUBMIT, "verb": "rollback", "name": "web", "files": 0, "to": 3},
        {**SAID, "action": "follow", "id": IDENT},
        {"account": "kim", "action": "look"},
        {**SAID, "action": "logs", "name": "web", "tail": "100", "follow": "yes"},
        {**SAID, "action": "plan_one", "files": 1},
    ],
)
def test_what_the_api_asks_is_a_request(said: dict[str, Any]) -> None:
    found = protocol.parse(json.dumps(said).encode())
    assert {key: getattr(found, key) for key in said} == said
    assert protocol.parse_own(found.text()) == found


@pytest.mark.parametrize(
    "said",
    [
        {**SUBMIT, "verb": ""}, {**SUBMIT, "verb": "restart"}, {**SUBMIT, "files": 0},
        {**SUBMIT, "verb": "remove", "name": "web"}, {**SUBMIT, "verb": "remove", "files": 0},
        {**SUBMIT, "name": "vision/web"}, {**SUBMIT, "name": ["web"]}, {**SUBMIT, "to": 3},
        {**SUBMIT, "verb": "rollback", "name": "web", "files": 0, "to": -1},
        {**SUBMIT, "verb": "rollback", "name": "web", "files": 0, "to": True},
        {**SUBMIT, "key": "a b"}, {**SUBMIT, "key": "x" * 129}, {**SUBMIT, "key": 1},
        {**SUBMIT, "id": IDENT}, {**SUBMIT, "project": ""}, {**SUBMIT, "action": ["submit"]},
        {**SAID, "action": "operation"}, {**SAID, "action": "cancel", "id": "op_1"},
        {**SAID, "action": "follow", "id": IDENT.replace("0", "u")},
        {**SAID, "action": "follow", "id": f"{IDENT}/../x"},
        {**SAID, "action": "logs", "tail": "-1"}, {**SAID, "action": "logs", "follow": True},
        {**SAID, "action": "plan_one"}, {**SAID, "action": "operations", "verb": "apply"},
        {**SAID, "action": "operate"}, {**SAID, "action": "settle"}, {"action": "look"},
        {"account": "kim", "action": "look", "project": "../x"},
    ],
)  # fmt: skip
def test_what_is_no_request_of_the_apis_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        protocol.parse(json.dumps(said).encode())


def test_an_error_says_its_kind() -> None:
    several = ConfigErrors([ConfigError("one", "a hint"), ConfigError("two")])
    found = refusing.told(several)
    assert (found["kind"], found["ok"], found["exit_code"]) == ("wrong", False, 2)
    assert found["errors"] == [{"error": "one", "hint": "a hint"}, {"error": "two", "hint": ""}]
    kinds = [
        refusing.kind(error)
        for error in (NodeError("c01", "x"), SkpError("x"), NoAccountError("x"), ConfigError("x"))
    ]
    assert kinds == ["away", "failed", "forbidden", "wrong"]


def archive(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for each in members:
            tar.addfile(each, io.BytesIO(b"x" * each.size))
    return buffer.getvalue()


def member(name: str, **more: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = 3
    for key, value in more.items():
        setattr(found, key, value)
    return found


def test_plain_files_below_deployments_are_unpacked(tmp_path: Path) -> None:
    unpacked(
        archive(member("Deployments/web/myDeploy.py"), member("Deployments/web/a/b")), tmp_path
    )
    assert (tmp_path / "Deployments" / "web" / "a" / "b").read_text() == "xxx"


@pytest.mark.parametrize(
    "wrong",
    [
        member("Deployments/web/../../x"), member("/Deployments/web/x"), member("folder.py"),
        member("Deployments/x"), member("../x/y/z"), member("Deployments/web/x", size=2 << 20),
        member("Deployments/web/x", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0),
        member("Deployments/web/x", type=tarfile.LNKTYPE, linkname="/etc/passwd", size=0),
        member("Deployments/web/x", type=tarfile.DIRTYPE, size=0),
        member("Deployments/web/x", type=tarfile.FIFOTYPE, size=0),
    ],
    ids=lambda each: f"{each.name}-{each.type!r}-{each.size}",
)  # fmt: skip
def test_anything_else_is_refused(wrong: tarfile.TarInfo, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        unpacked(archive(wrong), tmp_path / "in")
    assert sorted(tmp_path.rglob("*")) == []


def test_the_folders_of_an_archive_are_told() -> None:
    found = check(archive(member("Deployments/web/a"), member("Deployments/api/b/c")))
    assert found == {"web", "api"}


def test_commits_are_told_by_revision(tmp_path: Path) -> None:
    for number, of in ((1, "vision/web"), (2, "vision/api"), (3, "vision/web")):
        push = Push(number, "kim", str(number) * 40, 1.0, 2.0, "deployed", {of: number + 10})
        records.keep_push(tmp_path, "vision", push, [])
    assert records.commits(tmp_path, "vision/web") == {11: "1" * 40, 13: "3" * 40}
    assert records.commits(tmp_path, "other/web") == {}


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    many = [member(f"Deployments/web/{number}", size=0) for number in range(501)]
    with pytest.raises(ConfigError, match="more than 500 files"):
        unpacked(archive(*many), tmp_path)
    with pytest.raises(ConfigError, match="can't be read"):
        unpacked(b"no archive" * 100, tmp_path)


BEFORE = State(
    TREE,
    {
        "web": Brought(TREE, "vision/web", 3),
        "api": Brought(TREE, "vision/api", 1),
        "old": Brought(TREE, "vision/old", 1),
        "gone": Brought(TREE, "vision/gone", 1),
    },
)


def test_what_changed_is_brought_and_the_rest_is_told() -> None:
    present = {"vision/web": 3, "vision/api": 1, "vision/old": 1}
    trees = {"web": OTHER, "api": TREE, "new": TREE}
    found = choosing.choose(trees, BEFORE, present)
    assert found == choosing.Choice(("new", "web"), ("api",), ("vision/old",))
    told = choosing.lines(found)
    assert told[:2] == ["unchanged: api", "not in this push, and running on: vision/old"]


@pytest.mark.parametrize("present", [{}, {"vision/web": 4}, {"vision/web": 2}])
def test_a_deployment_that_is_another_by_now_is_brought_again(present: dict[str, int]) -> None:
    assert choosing.choose({"web": TREE}, BEFORE, present).changed == ("web",)


def test_a_renamed_folder_is_not_told_as_left() -> None:
    trees = {"web": TREE, "old": OTHER}
    found = choosing.choose(trees, BEFORE, {"vision/web": 3, "vision/old": 1})
    assert (found.changed, found.kept, found.left) == (("old",), ("web",), ())


def test_a_projects_state_is_kept_whole(tmp_path: Path) -> None:
    assert records.state(tmp_path, "vision") == State()
    now = State(TREE, BEFORE.folders, {"vision/web": 0})
    records.keep_state(tmp_path, "vision", now)
    records.keep_state(tmp_path, "other", State(TREE))
    assert records.state(tmp_path, "vision") == now
    assert records.unfinished(tmp_path) == ["vision"]


def test_pushes_are_kept_and_the_oldest_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "KEPT", 3)
    for turn in range(1, 6):
        number = records.next_id(tmp_path, "vision")
        assert number == turn
        push = Push(number, "kim", TREE, 1.0, 2.0, "deployed", {"vision/web": turn})
        records.keep_push(tmp_path, "vision", push, ["a line", "another"])
    folder = tmp_path / "vision" / "pushes"
    found = sorted(path.name for path in folder.iterdir())
    assert found == [f"{n}.{end}" for n in (3, 4, 5) for end in ("json", "log")]
    assert (folder / "5.log").read_text() == "a line\nanother\n"
    assert records.parse_push(json.loads((folder / "5.json").read_text())).id == 5


def test_a_long_log_has_its_beginning_and_its_end() -> None:
    text = "begin" + "x" * records.MOST_LOG + "end"
    found = records.bounded(text)
    assert (found[:5], found[-3:]) == ("begin", "end")
    assert len(found) < records.MOST_LOG + 100
    assert "characters left out" in found


def test_all_that_is_printed_becomes_lines_of_json() -> None:
    out = io.StringIO()
    lines = Lines(out)
    print("one\ntwo", file=lines)
    print("half", end="", file=lines)
    lines.result({"ok": True})
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert said == [{"line": "one"}, {"line": "two"}, {"line": "half"}, {"result": {"ok": True}}]
