"""secrets.show and secrets.rotate: what they print, what they refuse, what is made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.config import secrets, secrets_file
from cluster.config.secrets import SPEC_KEY, StoredSecrets
from tests.support.fake_cluster import HOSTS, FakeCluster, after_apply, again

KEY = "JUPYTER_PASSWORD"


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    """Return a cluster before anything runs there."""
    hosts = {name: dict(told) for name, told in HOSTS.items()}
    hosts["c01"]["labels"] = [{"jupyter": "enable"}, {"mysql": "enable"}]
    return FakeCluster(folder, patch, hosts, S3_ACCESS_KEY="")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The cluster once `docker.apply` has made it."""
    return after_apply(tmp_path_factory.mktemp("made"), made)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: dict[str, Any]) -> FakeCluster:
    return again(tmp_path, monkeypatch, made, saved)


def local(tmp_path: Path) -> StoredSecrets:
    return secrets_file.read(tmp_path / secrets_file.FILE)


def test_a_password_is_shown_to_a_terminal_or_who_insists(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("secrets.show", KEY) == 2
    assert cluster.run("secrets.show", KEY, "--yes") == 0
    value = local(tmp_path).values[KEY].reveal()
    assert capsys.readouterr().out == f"{value}\n"
    assert cluster.run("secrets.show", "-k", KEY, "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {KEY: value}
    assert cluster.changes() == []


def test_what_is_shown_is_the_clusters(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = local(tmp_path).values[KEY].reveal()
    (tmp_path / secrets_file.FILE).unlink()
    assert cluster.run("secrets.show", KEY, "--yes") == 0
    assert capsys.readouterr().out == f"{value}\n"


def test_what_there_is_is_listed_without_values(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("secrets.show") == 0
    said = capsys.readouterr().out
    assert any(line.split() == [KEY, "generated"] for line in said.splitlines())
    assert not [v for v in local(tmp_path).values.values() if v.reveal() in said]
    assert max(map(len, said.splitlines())) <= 80
    assert cluster.wire == []


def test_before_there_is_a_cluster_there_is_none_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert FakeCluster(tmp_path, monkeypatch).run("secrets.show", KEY, "--yes") == 1
    assert f"{KEY}: the cluster has none yet" in capsys.readouterr().err


def test_a_look_before_there_is_a_cluster_keeps_no_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FakeCluster(tmp_path, monkeypatch).run("docker.plan") == 0
    assert not (tmp_path / secrets_file.FILE).exists()


def test_what_no_manager_can_tell_is_not_made_up(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for machine in cluster.machines.values():
        monkeypatch.setattr(machine, "_kept", lambda _: ["kept:"])
    assert cluster.run("secrets.show", KEY, "--yes") == 1
    assert "could not be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "JUPYTER_PASSWORT"), "did you mean JUPYTER_PASSWORD?"),
        (("show", SPEC_KEY), "nobody's password"),
        (("rotate", "NONE"), "NONE is no password of SKP"),
        (("rotate", "AIRFLOW_FERNET_KEY"), "can't be read, or opened, without it"),
        (("rotate", "S3_ACCESS_KEY"), "not generated"),
        (("rotate", SPEC_KEY), "nobody's password"),
        (("rotate", KEY), "add --yes"),
        (("rotate",), "add --yes"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_is_asked(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    verb, *rest = words
    assert cluster.run(f"secrets.{verb}", *rest) == 2
    assert said in capsys.readouterr().err
    assert cluster.wire == []


def test_one_that_is_renewed_is_new_everywhere_and_replaces_what_uses_it(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    before, mysql = local(tmp_path), cluster.master.containers["mysql-skp"]["Id"]
    jupyter = cluster.master.containers["jupyter-skp"]["Id"]
    assert cluster.run("secrets.rotate", KEY, "--yes") == 0
    after = local(tmp_path)
    assert after.generation == before.generation + 1
    assert {k for k in after.values if after.values[k] != before.values[k]} == {KEY}
    assert [secrets.parse(cluster[name].secrets) for name in HOSTS] == [after] * 3
    assert cluster.master.containers["jupyter-skp"]["Id"] != jupyter
    assert cluster.master.containers["mysql-skp"]["Id"] == mysql
    cluster.forget_wire()
    assert cluster.run("docker.apply") == 0
    assert cluster.changes() == []


def test_without_a_name_all_are_renewed_that_may_be(cluster: FakeCluster, tmp_path: Path) -> None:
    before = local(tmp_path).values
    assert cluster.run("secrets.rotate", "--yes") == 0
    after = local(tmp_path).values
    same = {key for key in after if after[key] == before[key]}
    lasting = {
        *("AIRFLOW_FERNET_KEY", "AIRFLOW_WEB_PASSWORD", "FLASK_ADMIN_PASSWORD"),
        *("GATEWAY_CA_SECRET", "GIT_HOST_KEY", "PORTAINER_PASSWORD", "SSHFS_KEY"),
    }
    assert same == {SPEC_KEY, *lasting}


def test_a_dry_run_says_what_would_be_replaced(
    cluster: FakeCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = local(tmp_path)
    assert cluster.run("secrets.rotate", KEY, "--dry") == 0
    assert "jupyter-skp: file password: old content -> new content" in capsys.readouterr().out
    assert local(tmp_path) == before
    assert cluster.changes() == []


def test_a_lost_copy_comes_back_with_any_command_that_looks(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    before = local(tmp_path)
    (tmp_path / secrets_file.FILE).unlink()
    assert cluster.run("docker.plan") == 0
    assert local(tmp_path) == before
