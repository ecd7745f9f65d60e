"""What a command that converges says at its end: what failed, stays down, is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.errors import ExitCode, SkpError
from cluster.lock import swarm as lock
from cluster.lock.holder import Holder
from cluster.plan.scope import Goal
from tests.support.converging import Converging, outcomes
from tests.support.digests import digest
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import refusal

CREATE = "POST /containers/create"


def test_what_failed_is_not_tried_again_and_the_other_nodes_go_on(
    command: Converging, cluster: FakeCluster
) -> None:
    cluster["c02"].connection.on(CREATE, refusal(500, "no space left on device"))
    report = command.run()
    ended = outcomes(report)
    assert ended["c02 registry-skp"] == "failed"
    assert ended["c02 jupyter-skp-c02"] == "skipped"
    assert ended["c01 jupyter-skp"] == "done"
    assert len(cluster.sent("c02: POST /containers/create")) == 1
    assert cluster.trail("c01")[-1]["outcome"] == "failed"
    (failed,) = [s for s in cluster.trail("c01")[-1]["steps"] if s["outcome"] == "failed"]
    assert failed["detail"] == "creating registry-skp: no space left on device"


def test_what_is_done_on_some_nodes_only_is_said_to_be_forgotten(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    report = command.run("jupyter", Goal.REMOVE, nodes=["c02"])
    assert any("jupyter goes on the chosen nodes only" in w for w in report.warnings)
    assert list(cluster.containers("jupyter")) == ["jupyter-skp"]


def test_a_service_that_was_taken_down_is_named_and_left_down(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    command.run("jupyter", Goal.REMOVE)
    report = command.run()
    assert report.stopped == ("jupyter",)
    assert cluster.containers("jupyter") == {}


def test_a_rollback_runs_the_image_before_and_is_named_afterwards(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    old = cluster.master.pushed["localhost:5000/skp/docker-ds:latest"]
    cluster.admit("skp/docker-ds:latest", digest("newer"))
    command.run()
    assert command.run("jupyter", Goal.ROLLBACK).exit_code is ExitCode.OK
    fields = cluster["c02"].containers["jupyter-skp-c02"]["Config"]["Labels"]["skp.fields"]
    assert old in fields
    assert command.run().pinned == ("jupyter",)


def test_a_rollback_without_an_image_before_is_refused(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    cluster.forget_wire()
    with pytest.raises(SkpError, match="jupyter has nothing to go back to"):
        command.run("jupyter", Goal.ROLLBACK)
    assert cluster.changes() == []


def test_a_node_that_can_not_be_reached_is_told_and_the_others_are_served(
    command: Converging, cluster: FakeCluster
) -> None:
    cluster.down.add("c03")
    report = command.run()
    assert list(report.unreachable) == ["c03"]
    assert report.exit_code is ExitCode.FAILED
    assert outcomes(report)["c02 jupyter-skp-c02"] == "done"


def test_a_node_that_was_not_chosen_is_only_warned_of(
    command: Converging, cluster: FakeCluster
) -> None:
    cluster.down.add("c03")
    report = command.run(nodes=["c01", "c02"])
    assert report.unreachable == {}
    assert "c03: can't be reached" in " ".join(report.warnings)
    assert report.exit_code is ExitCode.OK


def test_a_node_that_the_swarm_knows_by_another_address_is_warned_of(
    command: Converging, cluster: FakeCluster
) -> None:
    cluster["c02"].swarm["NodeAddr"] = "10.9.9.9"
    report = command.run("registry")
    (warning,) = [w for w in report.warnings if "10.9.9.9" in w]
    assert "says 10.1.0.2, the Swarm knows it as 10.9.9.9" in warning


def test_the_clusters_secrets_win_over_this_machines(
    command: Converging, cluster: FakeCluster, tmp_path: Path
) -> None:
    command.run()
    path = tmp_path / "secrets.env"
    path.write_text(path.read_text().replace("the-JUPYTER_PASSWORD", "another"))
    report = command.run()
    assert any("JUPYTER_PASSWORD: the cluster's value is used" in w for w in report.warnings)
    assert report.changed == 0


def test_a_removal_that_was_typed_is_not_asked_about(
    command: Converging, cluster: FakeCluster
) -> None:
    command.run()
    command.run("jupyter", Goal.REMOVE)
    assert command.asked == []
    assert cluster.containers("jupyter") == {}


def test_a_command_that_died_is_mentioned_and_recorded(
    command: Converging, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Holder("bob@laptop", "docker.apply", "", "boot-2", 1, "1")
    cluster.configs.put("skp-lock", {lock.LABEL_HOLDER: dead.dumps()})
    monkeypatch.setattr(lock, "STALE_SECONDS", 0.01)
    monkeypatch.setattr(lock, "_PAUSE", 0.01)
    report = command.run("registry")
    assert any("taken over from a command that died: bob@laptop" in w for w in report.warnings)
    assert "bob@laptop" in cluster.trail("c02")[0]["after"]
