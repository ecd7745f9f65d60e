"""account.*: what goes to the service's container, and what a person is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_cluster import FakeCluster, after_apply
from tests.support.fakes import done

HOSTS = {
    "c01": {
        "ipv4": "10.1.0.1",
        "labels": [{"mysql": "enable"}],
        "groups": ["master", "manager"],
    },
}


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    return FakeCluster(folder, patch, HOSTS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return after_apply(tmp_path_factory.mktemp("made"), made, lambda _: None)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: dict[str, Any]) -> FakeCluster:
    cluster = made(tmp_path, monkeypatch)
    cluster.restore(saved)
    cluster.forget_wire()
    return cluster


def answer(cluster: FakeCluster, said: Any) -> None:
    cluster.master.execs["flask-skp account"] = said


@pytest.mark.parametrize("verb", ["add", "password"])
def test_a_password_that_the_service_generates_is_shown_once(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    answer(cluster, done(0, json.dumps({"name": "kim", "uid": 20001, "password": "River-Stone-7"})))
    assert cluster.run(f"account.{verb}", "kim") == 0
    assert "Its password, shown this once: River-Stone-7\n" in capsys.readouterr().out


def test_a_token_for_programs_is_shown_once_and_kept_nowhere(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(cluster, done(0, json.dumps({"label": "ci", "token": "skp_hush"})))
    assert cluster.run("account.token-add", "kim", "-l", "ci", "-p", "vision", "-d", "30") == 0
    assert "one more token, ci. The token, shown this once: skp_hush\n" in capsys.readouterr().out
    assert "skp_hush" not in json.dumps([cluster.wire, cluster.trail("c01")])
    commands = cluster.master.connection.commands
    (sent,) = [ran.stdin for ran in commands if "token-add" in ran.command]
    assert isinstance(sent, bytes)
    assert json.loads(sent) == {"name": "kim", "label": "ci", "project": "vision", "days": "30"}


def test_what_the_service_refuses_is_told_with_what_to_do(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(cluster, done(1, stderr="kafka is a name of the platform\nChoose another.\n"))
    assert cluster.run("account.add", "kafka") == 1
    said = capsys.readouterr().err
    assert "kafka is a name of the platform" in said
    assert "Choose another." in said


@pytest.mark.parametrize(("code", "names_the_log"), [(1, True), (3, False)])
def test_its_log_is_named_where_it_is_not_well(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], code: int, *, names_the_log: bool
) -> None:
    answer(cluster, done(code, stderr="there is an account or a project kim\n"))
    assert cluster.run("account.add", "kim") == 1
    assert ("docker.logs -n flask-skp" in capsys.readouterr().err) == names_the_log


def test_without_the_service_its_command_is_named(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.flask-rm", "-n", "other") == 2
    assert cluster.run("docker.flask-rm", "-n", "flask-skp") == 0
    assert cluster.run("account.list") == 1
    said = capsys.readouterr().err
    assert "-n=other: its container is called flask-skp" in said
    assert "c01: the account service does not run there\n  ./skp.py docker.flask-run" in said


def asked(cluster: FakeCluster) -> list[str]:
    return [line for line in cluster.wire if "flask-skp account" in line]


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        *((f"account.{verb}", "name") for verb in ("add", "rm", "password", "token", "disable")),
        *((f"account.{verb}", "name") for verb in ("enable", "level", "keys", "key-add", "key-rm")),
        *((f"account.{verb}", "name") for verb in ("token-add", "tokens", "token-rm")),
        *((f"account.{verb} kim", "label") for verb in ("token-add", "token-rm")),
        *((f"project.{verb}", "name") for verb in ("add", "rm", "member-set", "member-rm")),
        ("account.level kim", "level"),
        ("account.key-add kim", "file"),
        ("account.key-rm kim", "fingerprint"),
        ("project.add vision", "owner"),
        ("project.member-set vision", "account"),
        ("project.member-rm vision", "account"),
    ],
)
def test_what_is_needed_is_asked_for_before_anything_else(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], words: str, lacking: str
) -> None:
    assert cluster.run(*words.split()) == 2
    said = capsys.readouterr().err
    assert f"--{lacking} is needed\n  ./skp.py --help {words.split(maxsplit=1)[0]}" in said
    assert asked(cluster) == []


@pytest.mark.parametrize(
    ("words", "verb"),
    [
        ("account.level kim -l manager", "level"),
        ("account.key-rm kim -f 00ff", "key-rm"),
        ("account.disable kim", "disable"),
        ("account.token-add kim -l ci", "token-add"),
        ("account.token-rm kim -l ci", "token-rm"),
        ("account.rotate", "rotate"),
        ("project.add vision -o kim", "project-add"),
        ("project.member-set vision -a kim -r owner", "project-set"),
        ("project.member-rm vision -a kim", "project-leave"),
        ("project.rm vision --yes", "project-rm"),
    ],
)
def test_a_change_is_one_request_and_in_the_audit_trail(
    cluster: FakeCluster, words: str, verb: str
) -> None:
    answer(cluster, done(0, json.dumps({"name": "kim", "uid": 20001})))
    assert cluster.run(*words.split()) == 0
    assert [line.split(" account ")[1].split()[0] for line in asked(cluster)] == [verb]
    begun, ended = cluster.trail("c01")[-2:]
    about = [word for word in words.split() if not word.startswith("-")]
    assert begun["command"].split()[:2] == about[:2]
    assert (begun["event"], ended["outcome"]) == ("begin", "done")


def test_what_the_service_refused_is_in_the_audit_trail_too(cluster: FakeCluster) -> None:
    answer(cluster, done(1, stderr="there is no account of that name\n"))
    assert cluster.run("account.enable", "nobody") == 1
    assert cluster.trail("c01")[-1]["outcome"] == "failed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-----BEGIN OPENSSH " + "PRIVATE KEY-----", "is a private key"),
        (None, "No such file or directory"),
    ],
)
def test_only_a_public_keys_file_is_sent(
    cluster: FakeCluster,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str | None,
    said: str,
) -> None:
    path = tmp_path / "key"
    if text:
        path.write_text(text)
    assert cluster.run("account.key-add", "kim", "-f", str(path)) == 2
    assert said in capsys.readouterr().err
    assert asked(cluster) == []


def test_a_keys_line_goes_to_standard_input(cluster: FakeCluster, tmp_path: Path) -> None:
    answer(cluster, done(0, json.dumps({"fingerprint": "00ff"})))
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA kim\n")
    assert cluster.run("account.key-add", "kim", "-f", str(tmp_path / "key.pub")) == 0
    (line,) = asked(cluster)
    assert "AAAA" not in line


def test_lists_are_tables(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    members = [{"name": "kim", "role": "owner"}, {"name": "lee", "role": "viewer"}]
    answer(cluster, done(0, json.dumps([{"name": "vision", "gid": 20002, "members": members}])))
    assert cluster.run("project.list") == 0
    assert "vision  20002  kim (owner), lee (viewer)" in capsys.readouterr().out
    keys = [{"fingerprint": "00ff", "key": "ssh-ed25519 AAAA", "comment": "kim@laptop"}]
    answer(cluster, done(0, json.dumps([{"name": "kim", "ssh_keys": keys}])))
    assert cluster.run("account.keys", "kim") == 0
    assert "00ff         ssh-ed25519  kim@laptop" in capsys.readouterr().out
    assert cluster.run("account.keys", "lee") == 2
    times = {"made_at": 1767225600, "expires_at": 1775001600, "used_at": None}
    tokens = [{"label": "ci", "project": "vision", **times}]
    answer(cluster, done(0, json.dumps([*tokens, {"label": "all-of-it", "project": "", **times}])))
    assert cluster.run("account.tokens", "kim") == 0
    shown = capsys.readouterr().out
    assert "ci         vision   2026-01-01  2026-04-01  never" in shown
    assert "all-of-it  all      2026-01-01" in shown


def test_a_dry_run_asks_nothing(cluster: FakeCluster) -> None:
    for words in ("account.add kim", "account.rm kim", "account.rotate", "project.rm vision"):
        assert cluster.run(*words.split(), "--dry") == 0
    assert asked(cluster) == []
