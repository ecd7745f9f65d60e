"""host.install on nodes with GPUs: which engines restart, what is asked before, what is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.connectors.base import Completed
from cluster.errors import DeadlineError
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import Ran, Reply, Request, done, reply

ITEM, RESTART = "GPU names", "# Restarts this machine"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """Three managers whose machines are as they should be, but for what `played` says."""
    made = FakeCluster(tmp_path, monkeypatch)
    made.begin()
    for name in made:
        made[name].connection.on_run("skp: root", shell())
    return made


def shell(
    gpus: str = "", running: str = "", wrong: str = "", item: str = ITEM
) -> Callable[[Ran], Completed]:
    """Return a machine's answers as root: what `waiting` prints, what is wrong with the item."""

    def answer(ran: Ran) -> Completed:
        if "\nwaiting )" in ran.command:
            lines = [f"gpu {gpu}" for gpu in gpus.split()]
            lines += [f"runs {name}" for name in running.split()]
        elif "flock" in ran.command:
            return done(1, "skp: root\n", "it can't be fixed\n")
        else:
            lines = []
            for name in re.findall(r"echo '\"'\"'= (.+?)'\"'\"'", ran.command):
                lines += [f"= {name}", *([wrong] if wrong and name == item else [])]
        return done(0, "\n".join(["skp: root", *lines, ""]))

    return answer


def played(cluster: FakeCluster, name: str, running: str = "") -> None:
    """Have a node whose engine knows its GPU once it has been restarted."""
    machine, entry = cluster[name], cluster.entries[f"id-{name}"]
    known = [{"NamedResourceSpec": {"Kind": "GPU", "Value": f"GPU-{name}"}}]
    entry["Description"]["Resources"] = {"GenericResources": known}
    before = machine.connection

    def info(_: Request) -> Reply:
        told = {"Name": name, "ServerVersion": "26.1", "SystemTime": "2026-11-28T10:00:00Z"}
        return reply({**told, "Runtimes": {}, "Swarm": machine.swarm, "GenericResources": known})

    before.on("GET /info", info)
    before.on_run("skp: root", shell(f"GPU-{name}", running))
    before.on_run(RESTART, done())
    if running:
        listed = [{"Id": each, "Names": [f"/{each}"], "Ports": []} for each in running.split()]
        before.on("GET /containers/json?*all=0*", reply(listed))
        before.on("GET /containers/json?*task.id*", reply([]))


def restarts(cluster: FakeCluster) -> list[str]:
    """Return the nodes whose engines restarted, in their order."""
    return [line.partition(":")[0] for line in cluster.sent(RESTART)]


def test_where_no_engine_waits_nothing_more_is_asked(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("host.install") == 0
    assert "Nothing to change" in capsys.readouterr().out
    assert not cluster.sent("GET /")


def test_idle_engines_restart_one_after_another_without_a_question(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("c01", "c03"):
        played(cluster, name)
    assert cluster.run("host.install") == 0
    assert restarts(cluster) == ["c03", "c01"], "the master comes last"
    assert "2 done" in capsys.readouterr().out
    assert "Docker Engine" in json.dumps(cluster.trail("c02")), "it is in the audit trail"


def test_without_a_terminal_an_engine_at_work_is_left_and_the_command_is_named(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    played(cluster, "c02", "web mysql-skp")
    played(cluster, "c03")
    assert cluster.run("host.install") == 1
    told = capsys.readouterr().out
    assert "2 container(s) run: the Swarm knows its GPUs from the engine's next restart" in told
    assert "./skp.py host.install --nodes c02 --yes restarts it." in told
    assert restarts(cluster) == ["c03"]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_a_person_is_asked_with_the_names_of_what_runs(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, answer: str, code: int,
) -> None:  # fmt: skip
    played(cluster, "c02", "web mysql-skp")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: answer, raising=False)
    assert cluster.run("host.install") == code
    assert "\n  c02: mysql-skp, web\n" in capsys.readouterr().err
    assert restarts(cluster) == ([] if code else ["c02"])


def test_yes_agrees_and_the_node_is_active_afterwards(cluster: FakeCluster) -> None:
    played(cluster, "c02", "web")
    assert cluster.run("host.install", "--yes") == 0
    assert restarts(cluster) == ["c02"]
    assert cluster.entries["id-c02"]["Spec"]["Availability"] == "active"
    assert len(cluster.sent("POST /nodes/id-c02/update")) == 2


def test_a_dry_run_names_the_engines(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    played(cluster, "c02", "web")
    assert cluster.run("host.install", "--dry") == 0
    assert "1 planned" in capsys.readouterr().out
    assert restarts(cluster) == []


def test_where_the_gpus_could_not_be_named_nothing_restarts(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = shell("GPU-c02", "", "NVIDIA's driver does not answer")
    cluster["c02"].connection.on_run("skp: root", wrong)
    assert cluster.run("host.install") == 1
    assert "it can't be fixed" in capsys.readouterr().out
    assert not [ran for ran in cluster["c02"].connection.commands if "\nwaiting )" in ran.command]


def test_after_one_that_failed_the_others_are_left(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("c01", "c02", "c03"):
        played(cluster, name)
    cluster["c02"].connection.on_run(RESTART, DeadlineError("c02", "no end in time"))
    assert cluster.run("host.install") == 1
    told = capsys.readouterr().out
    assert "it needs Docker Engine on c02, which failed" in told
    assert restarts(cluster) == ["c02"]


def test_what_was_done_is_told_also_where_the_lock_can_not_be_had(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    played(cluster, "c02")
    cluster.down.add("c01")
    cluster.leaderless = True
    assert cluster.run("host.install", "--nodes", "c02") == 1
    assert "Docker Engine" in capsys.readouterr().out


@pytest.mark.parametrize("helps", [True, False])
def test_what_only_wanted_a_restart_has_not_failed_then(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], helps: bool
) -> None:
    played(cluster, "c02", "web")
    connection = cluster["c02"].connection
    wrong = shell("GPU-c02", "web", "a GPU, and no runtime for it", "GPU runtime")

    def restarted(_: Ran) -> Completed:
        if helps:
            connection.on_run("skp: root", shell("GPU-c02", "web"))
        return done()

    connection.on_run("skp: root", wrong)
    connection.on_run(RESTART, restarted)
    assert cluster.run("host.install", "--yes") == (0 if helps else 1)
    told = capsys.readouterr().out
    assert ("it works since the engine's restart" in told) is helps
    assert ("it can't be fixed" in told) is not helps
