"""One view of the cluster per command: what `-run` was given holds for every command afterwards.

All options that any `-run` takes are given at once, the cluster is made, and then each command has
to speak of the new names, ports and folders.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.connectors import local
from tasks import ns
from tests.support.digests import digest
from tests.support.fake_cluster import FakeCluster, after_apply
from tests.support.fake_portainer import FakePortainer
from tests.support.fakes import content, done, frames
from tests.support.remembered import GIVEN, HOSTS, OTHERS, ROWS, SHELLS, Row, made

# Names that the settings alone would give.
DEFAULTS = re.compile(
    r" docker exec (airflow|jupyter|kafka|mysql|portainer|registry|volume|zookeeper)-skp"
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The cluster once `docker.apply` has made it with all options remembered."""

    def prepare(cluster: FakeCluster) -> None:
        cluster.remember(GIVEN)
        FakePortainer(cluster.master)

    return after_apply(tmp_path_factory.mktemp("made"), made, prepare)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: dict[str, Any]) -> FakeCluster:
    cluster = made(tmp_path, monkeypatch)
    cluster.restore(saved)
    FakePortainer(cluster.master)
    return cluster


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of the program that a shell becomes."""
    found: list[str] = []
    monkeypatch.setattr(os, "execvp", lambda _, words: found.extend(words))
    monkeypatch.setattr(local, "is_this_machine", lambda _: True)
    return found


def test_every_option_that_a_run_takes_has_a_value_here() -> None:
    ends = ("NAME", "PORT", "VOLUME")
    taken = {
        service.name: {s.key for s in service.settings}
        & {f"{service.name.upper().replace('-', '_')}_{end}" for end in ends}
        for service in services.catalogue().values()
    }
    assert {name: set(options) for name, options in GIVEN.items()} == taken


def test_apply_makes_everything_by_the_remembered_options(cluster: FakeCluster) -> None:
    text = {name: json.dumps(cluster.containers(name)) for name in GIVEN}
    missing = [
        key
        for service, options in GIVEN.items()
        for key, value in options.items()
        if value not in text[service]
        and key not in ("FLASK_VOLUME", "NGINX_VOLUME")  # not mounted (decision 110)
    ]
    assert missing == []


@pytest.mark.parametrize("words", [["docker.apply"], ["docker.plan"], ["docker.status"]])
def test_what_was_made_by_them_is_as_wanted(cluster: FakeCluster, words: list[str]) -> None:
    assert cluster.run(*words) == 0
    assert cluster.changes() == []


@pytest.mark.parametrize("service", GIVEN)
def test_a_run_without_options_keeps_them(cluster: FakeCluster, service: str) -> None:
    assert cluster.run(f"docker.{service}-run") == 0
    assert not [line for line in cluster.changes() if "/containers/" in line]


@pytest.mark.parametrize("service", GIVEN)
def test_a_removal_finds_what_was_made_by_them(cluster: FakeCluster, service: str) -> None:
    assert cluster.run(f"docker.{service}-rm", "--busy=replace") == 0
    assert cluster.containers(service) == {}


@pytest.mark.parametrize("row", ROWS, ids=[row.words for row in ROWS])
def test_a_command_asks_for_what_is_there_under_the_new_names(
    cluster: FakeCluster, row: Row
) -> None:
    for node in row.drained:
        assert cluster.run("docker.drain", "-h", node) == 0
    cluster.forget_wire()
    for machine in cluster.machines.values():
        machine.execs.update(row.execs)
        machine.connection.on_run("test -e", done())
        machine.connection.on_run("cd -P", done())
    assert cluster.run(*row.words.split()) == row.code
    assert [asked for asked in row.asks if not any(re.search(asked, w) for w in cluster.wire)] == []
    assert [w for w in cluster.wire if DEFAULTS.search(w)] == []


@pytest.mark.parametrize("words", SHELLS)
def test_a_shell_is_opened_in_the_container_of_the_new_name(
    cluster: FakeCluster, became: list[str], words: str
) -> None:
    assert cluster.run(*words.split()) == 0
    assert " ".join(became).startswith(SHELLS[words])


def test_logs_are_found_by_the_new_name(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.master.connection.on("GET /containers/*/logs", content(frames("hello\n")))
    assert cluster.run("docker.logs", "-n", "db") == 0
    assert capsys.readouterr().out == "c01: hello\n"


def test_portainer_is_told_of_agents_by_their_new_names(cluster: FakeCluster) -> None:
    portainer = FakePortainer(cluster.master)
    assert cluster.run("docker.portainer-run") == 0
    assert portainer.known == [f"tcp://harbour-agent-{name}:9001" for name in HOSTS]


def test_a_rollback_keeps_the_new_name(cluster: FakeCluster) -> None:
    cluster.admit("skp/docker-ds:latest", digest("newer"))
    assert cluster.run("docker.apply", "jupyter") == 0
    cluster.forget_wire()
    assert cluster.run("docker.rollback", "-s", "jupyter") == 0
    created = [w for w in cluster["c02"].connection.wire if w.startswith("POST /containers/create")]
    assert [w.split()[1] for w in created] == ["/containers/create?name=note-c02.new"]


def test_the_map_has_the_new_names(cluster: FakeCluster, tmp_path: Path) -> None:
    for machine in cluster.machines.values():
        machine.connection.on_run("df -kP", done(1))
    assert cluster.run("docker.map", "-o", str(tmp_path / "map.html")) == 0
    page = (tmp_path / "map.html").read_text()
    assert "flow" in page
    assert "airflow-skp" not in page


def test_a_machine_is_checked_for_the_new_ports(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    for machine in cluster.machines.values():
        machine.connection.on_run("sh -s --", done(0, "client yes\ntcp 8010 8111\nend yes\n"))
    assert cluster.run("host.check", "--nodes", "c02") == 1
    said = capsys.readouterr().out
    assert "c02 port: 8111/tcp, for jupyter, is taken" in said
    assert "8010/tcp" not in said


def test_a_run_may_take_a_port_that_another_was_taken_off(cluster: FakeCluster) -> None:
    assert cluster.run("docker.airflow-run", "-p", "8010") == 0  # the notebook server's default
    assert cluster.containers("airflow")["flow"]["HostConfig"]["PortBindings"]["8040/tcp"] == [
        {"HostIp": "10.1.0.1", "HostPort": "8010"}
    ]


def test_a_run_may_not_take_a_port_that_is_in_use(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.airflow-run", "-p", "8111") == 1
    assert "port 8111/tcp is taken by the container note" in capsys.readouterr().out
    assert cluster.containers("airflow")["flow"]["HostConfig"]["PortBindings"]["8040/tcp"] == [
        {"HostIp": "10.1.0.1", "HostPort": "8140"}
    ]


def test_a_port_that_is_wanted_twice_is_refused_before_anything_changes(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.jupyter-run", "-p", "8020") == 2  # its own kernel gateway's
    assert "port 8020/tcp is wanted twice on c01" in capsys.readouterr().err
    assert cluster.changes() == []


def test_every_command_is_tried_with_remembered_options_or_reads_none() -> None:
    services_own = {f"docker.{name}-{verb}" for name in GIVEN for verb in ("run", "rm")}
    tried = {row.words.split()[0] for row in ROWS} | {words.split()[0] for words in SHELLS}
    tried |= {"docker.apply", "docker.plan", "docker.status", "docker.logs", "docker.rollback"}
    tried |= {"docker.map", "host.check"} | services_own
    left = set(ns.task_names) - tried
    assert [name for name in left if not any(re.fullmatch(p, name) for p in OTHERS)] == []
    assert [name for name in tried if any(re.fullmatch(p, name) for p in OTHERS)] == []
    assert tried <= set(ns.task_names)


READS = {
    "docker.status": "skp: warning: options that -run was given are not known: c01: ",
    "volume.status": "skp: warning: options that -run was given are not known: c01: ",
    "host.check": "skp: warning: options that -run was given are not known: c01: ",
}


@pytest.mark.parametrize("words", READS)
def test_without_a_manager_a_reading_command_warns_and_goes_on(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    cluster.down.add("c01")
    for machine in cluster.machines.values():
        machine.connection.on_run("sh -s --", done(0, "end yes\n"))
    assert cluster.run(*words.split()) == 1
    assert READS[words] in capsys.readouterr().err
    assert any(line.startswith("c02: ") for line in cluster.wire)


@pytest.mark.parametrize("words", READS)
def test_without_a_quorum_a_reading_command_warns_and_goes_on(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    cluster.leaderless = True
    for machine in cluster.machines.values():
        machine.connection.on_run("sh -s --", done(0, "end yes\n"))
    cluster.run(*words.split())
    assert READS[words] in capsys.readouterr().err
    assert any(line.startswith("c02: ") for line in cluster.wire)


def test_the_status_of_one_worker_speaks_of_the_new_names(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.status", "--nodes", "c03", "kafka") == 0
    assert "broker-3" in capsys.readouterr().out


def test_status_names_what_a_run_was_given_and_instead_of_what(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.status", "kafka") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for key, value in GIVEN["kafka"].items():
        assert ["kafka", key, value] in [line[:3] for line in lines]
    assert not any(line[:1] == ["jupyter"] for line in lines), "only of the services that are shown"
    assert cluster.run("docker.status", "--json", "kafka") == 0
    rows = json.loads(capsys.readouterr().out)["options"]
    assert {row["setting"]: row["value"] for row in rows} == GIVEN["kafka"]
    assert {row["instead_of"] for row in rows if row["setting"] == "KAFKA_NAME"} == {"kafka-skp"}


def test_status_says_nothing_of_options_where_none_was_given(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.remember({})
    cluster.run("docker.status", "kafka")
    assert "INSTEAD OF" not in capsys.readouterr().out
