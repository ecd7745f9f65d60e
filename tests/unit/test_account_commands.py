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


def test_what_the_service_refuses_is_told_with_what_to_do(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(cluster, done(1, stderr="kafka is a name of the platform\nChoose another.\n"))
    assert cluster.run("account.add", "kafka") == 1
    said = capsys.readouterr().err
    assert "kafka is a name of the platform" in said
    assert "Choose another." in said


def test_without_the_service_its_command_is_named(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.flask-rm", "-n", "other") == 2
    assert cluster.run("docker.flask-rm", "-n", "flask-skp") == 0
    assert cluster.run("account.list") == 1
    said = capsys.readouterr().err
    assert "-n=other: its container is called flask-skp" in said
    assert "c01: the account service does not run there\n  ./skp.py docker.flask-run" in said


@pytest.mark.parametrize("verb", ["add", "rm", "password", "token", "disable", "enable"])
def test_a_name_is_needed(cluster: FakeCluster, verb: str) -> None:
    assert cluster.run(f"account.{verb}") == 2
    assert not [line for line in cluster.wire if "flask-skp account" in line]


def test_a_dry_run_asks_nothing(cluster: FakeCluster) -> None:
    for words in (["add", "kim"], ["rm", "kim"], ["disable", "kim"], ["rotate"]):
        assert cluster.run(f"account.{words[0]}", *words[1:], "--dry") == 0
    assert not [line for line in cluster.wire if "flask-skp account" in line]
