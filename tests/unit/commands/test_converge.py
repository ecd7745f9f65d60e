"""Observing, planning and carrying out in rounds: what is locked, written, asked, and when."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.config import secrets_file
from cluster.errors import ExitCode, SkpError
from cluster.lock import swarm as lock
from cluster.lock.holder import Holder, LockedError
from cluster.model.result import Outcome
from cluster.plan.parts import FORM, Part
from cluster.plan.scope import Goal
from tests.support.converging import Converging, outcomes
from tests.support.fake_cluster import HOSTS, FakeCluster
from tests.support.fakes import Reply, Request, done, golden, reply

CREATE = "POST /containers/create"


def before(machine: Any, pattern: str, hook: Callable[[], None]) -> None:
    """Call `hook` when the first such request comes, before it is answered."""
    answers = {CREATE: machine.created, "POST /containers/*/start": machine.started}
    once = threading.Lock()

    def answer(request: Request) -> Reply:
        if once.acquire(blocking=False):
            hook()
        answered: Reply = answers[pattern](request)
        return answered

    machine.connection.on(pattern, answer)


def test_a_dry_run_shows_what_would_be_done_and_changes_nothing(
    command: Converging, cluster: FakeCluster
) -> None:
    report = command.show()
    assert outcomes(report)["c01 registry-skp"] == "planned"
    assert outcomes(report)["c02 jupyter-skp-c02"] == "planned"  # later, with the registry
    assert report.exit_code is ExitCode.OK
    assert cluster.changes() == []
    assert cluster.configs.objects == {}


def test_what_is_as_wanted_takes_no_lock_and_leaves_no_trail(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    cluster.forget_wire()
    report = command.run()
    assert (report.exit_code, report.changed) == (ExitCode.OK, 0)
    assert set(outcomes(report).values()) == {"unchanged"}
    assert cluster.changes() == []
    assert not cluster.locking()


def test_a_change_is_locked_recorded_carried_out_and_the_lock_freed(
    command: Converging, cluster: FakeCluster
) -> None:
    report = command.run("registry")
    assert report.exit_code is ExitCode.OK
    golden("converge-master", cluster["c01"].changes())
    golden("converge-other", cluster["c02"].changes())


def test_every_manager_gets_the_trail_of_a_change(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run("registry")
    for name in cluster:
        begin, end = cluster.trail(name)
        assert (begin["event"], begin["who"], begin["command"]) == (
            "begin", "ann@desk", "docker.apply",
        )  # fmt: skip
        assert (end["event"], end["outcome"]) == ("end", "done")
        done = [(s["action"], s["name"], s["node"]) for s in end["steps"] if s["kind"] != "secrets"]
        assert sorted(done) == [("create", "registry-skp", name) for name in cluster]


def test_it_is_looked_once_more_when_the_lock_is_held(
    command: Converging, cluster: FakeCluster
) -> None:
    """Somebody else made the same change between the first look and the lock."""
    command.run("registry")
    made = cluster.saved()
    for machine in cluster.machines.values():
        machine.containers.clear()
    cluster.forget_wire()

    def lock_held(request: Request) -> Reply:
        cluster.restore(made)
        return cluster.configs.update(request)

    cluster.master.connection.on("POST /configs/*/update", lock_held)
    report = command.run("registry")
    assert set(outcomes(report).values()) == {"unchanged"}
    assert cluster.sent(CREATE) == []


def test_rounds_go_on_until_nothing_is_left_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From machines outside of any Swarm to services that run."""
    cluster = FakeCluster(tmp_path, monkeypatch)
    command = Converging(cluster)
    report = command.run("registry,jupyter", parts=FORM)
    assert report.exit_code is ExitCode.OK, report.as_text()
    order = [
        "POST /swarm/init", "POST /swarm/join", "POST /nodes/id-c01/update", "POST /networks",
        "create?name=jupyter-skp",
    ]  # fmt: skip
    places = [next(i for i, line in enumerate(cluster.wire) if part in line) for part in order]
    assert places == sorted(places)
    assert len(cluster.sent("c01: GET /info")) <= 2 + len(order)


def test_without_a_swarm_the_master_keeps_the_lock_and_the_swarm_when_it_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster(tmp_path, monkeypatch)
    Converging(cluster).run("", parts=[Part.INIT, Part.JOIN, Part.LABEL])
    flock, init, taken = (
        next(i for i, line in enumerate(cluster.wire) if part in line)
        for part in ("flock", "POST /swarm/init", "POST /configs/create")
    )
    assert flock < init < taken


def test_what_does_not_come_to_rest_is_an_error_after_twelve_rounds(
    command: Converging, cluster: FakeCluster
) -> None:
    """Every look shows the registry gone again, and what has no digest on record waits."""
    cluster.labels.clear()
    for machine in cluster.machines.values():
        machine.connection.on("GET /containers/json", reply([]))
        machine.connection.on_run("/dev/tcp/localhost/5000", done(1))
    with pytest.raises(SkpError, match="does not come to rest: after 12 rounds"):
        command.run()
    assert len(cluster.sent("c01: POST /containers/create")) == 12
    assert cluster.trail("c01")[-1]["outcome"] == "failed"
    assert cluster.configs.labels("skp-lock") == {}


def test_waiting_for_what_already_runs_needs_no_lock(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    found = cluster["c02"].containers["jupyter-skp-c02"]
    found["State"]["Health"]["Status"] = "starting"
    cluster.forget_wire()

    def inspected(request: Request) -> Reply:
        answer = reply(found)
        if f"GET {request.path}" in cluster["c02"].connection.wire[:-1]:
            found["State"]["Health"]["Status"] = "healthy"
        return answer

    cluster["c02"].connection.on("GET /containers/jupyter-skp-c02/json", inspected)
    report = command.run()
    assert outcomes(report)["c02 jupyter-skp-c02"] == "unchanged"
    assert report.exit_code is ExitCode.OK
    assert cluster.changes() == []
    assert not cluster.locking()


def test_what_only_the_running_service_can_tell_is_asked_with_the_lock_held(
    command: Converging, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that may change something is planned although nothing differs."""
    from services.jupyter import SERVICE
    from tests.support.operations import Configure

    command.run()
    cluster.forget_wire()
    cluster.master.connection.on_run("configure", done())
    monkeypatch.setattr(SERVICE, "after_run", lambda *_: [Configure("c01")], raising=False)
    report = command.run("jupyter", Goal.RUN)
    assert outcomes(report)["c01 thing"] == "unchanged"
    parts = ("skp.holder", "audit.jsonl", "run: configure", "audit.jsonl", '"Labels": {}')
    changes = cluster.master.changes()
    assert len(changes) == len(parts)
    assert all(part in line for part, line in zip(parts, changes, strict=True)), changes


def test_a_plan_that_takes_much_away_is_asked_about_and_ends_with_no(
    command: Converging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run()
    fewer = {name: {**told, "labels": []} for name, told in HOSTS.items()}
    less = FakeCluster(tmp_path, monkeypatch, fewer)
    less.restore(command.cluster.saved())
    again = Converging(less)

    def no(question: str) -> None:
        again.asked.append(question)
        raise SkpError("nothing was changed")

    again.agree = no
    with pytest.raises(SkpError, match="nothing was changed"):
        again.run()
    assert "2 of 5 containers would be removed" in again.asked[0]
    assert less.changes() == []
    assert not less.locking()


def test_nothing_more_is_changed_once_the_lock_is_lost(
    command: Converging, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.01)
    stealing, refused = threading.Event(), threading.Event()

    def update(request: Request) -> Reply:
        if stealing.is_set() and not refused.is_set():
            other = Holder("bob@laptop", "docker.drain", "", "boot-2", 1, "1")
            cluster.configs.put("skp-lock", {lock.LABEL_HOLDER: other.dumps()})
            refused.set()
        return cluster.configs.update(request)

    def stolen() -> None:
        stealing.set()
        assert refused.wait(30)
        # The beat that is refused looks whose the lock is, and ends; the next check knows then.
        for thread in threading.enumerate():
            if thread.name == "lock":
                thread.join(30)

    cluster.master.connection.on("POST /configs/*/update", update)
    before(cluster["c01"], "POST /containers/*/start", stolen)
    report = command.run()
    ended = {r.item.name: r for r in report.results if r.item.node == "c01"}
    assert ended["registry-skp"].outcome is Outcome.DONE  # it was begun before
    assert ended["jupyter-skp"].outcome is Outcome.SKIPPED
    assert "bob@laptop" in ended["jupyter-skp"].detail
    assert cluster.sent("create?name=jupyter") == []
    assert report.exit_code is ExitCode.FAILED
    assert "bob@laptop" in cluster.configs.labels("skp-lock")[lock.LABEL_HOLDER]


def test_an_interruption_is_recorded_with_what_was_done(
    command: Converging, cluster: FakeCluster
) -> None:
    cluster["c02"].connection.on("POST /containers/*/rename", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        command.run()
    end = cluster.trail("c01")[-1]
    assert (end["event"], end["outcome"]) == ("end", "interrupted")
    assert {(s["kind"], s["node"]) for s in end["steps"]} == {
        ("secrets", "c01"), ("secrets", "c02"), ("secrets", "c03"),
    }  # fmt: skip
    assert cluster.configs.labels("skp-lock") == {}


def test_secrets_are_on_this_machine_before_anything_is_made_with_them(
    command: Converging, cluster: FakeCluster, tmp_path: Path
) -> None:
    path, found = tmp_path / "secrets.env", list[str]()
    path.unlink()
    before(cluster["c01"], CREATE, lambda: found.append(path.read_text()))
    command.run()
    assert "JUPYTER_PASSWORD=" in found[0]
    assert found[0] == path.read_text()
    assert cluster["c01"].secrets == found[0]
    (said,) = [line for line in command.said if line.startswith("generating")]
    assert "JUPYTER_PASSWORD" in said
    assert secrets_file.read(path).values["JUPYTER_PASSWORD"].reveal() not in said


def test_a_lock_that_another_holds_ends_the_command(
    command: Converging, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PAUSE", 0.01)
    other = Holder("bob@laptop", "docker.drain", "", "boot-2", 1, "1").dumps()
    beats = itertools.count(1)

    def beaten(_: Request) -> Reply:
        labels = {lock.LABEL_HOLDER: other, lock.LABEL_BEAT: str(next(beats))}
        cluster.configs.put("skp-lock", labels)
        return reply(list(cluster.configs.objects.values()))

    for machine in cluster.machines.values():
        machine.connection.on("GET /configs", beaten)
    with pytest.raises(LockedError, match="changing this cluster: bob@laptop"):
        command.run("registry")
    assert cluster.sent(CREATE) == []
    assert cluster["c01"].trail == b""
