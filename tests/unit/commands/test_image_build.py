"""Building an image and pushing it: what is asked first, what is recorded, what is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cluster.commands.image_build import build_and_push, planned
from cluster.commands.report import Report
from cluster.errors import ExitCode, NodeError
from cluster.model.spec import Image
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done, events, reply

IMAGE = Image("skp/docker-kafka", "1.0", recipe="docker-kafka")
LINES = "#5 [2/3] RUN install\n#5 DONE 9.1s\n"


@pytest.fixture
def master(cluster: FakeCluster) -> Any:
    """The master's connection: a registry listens there, the build works, the push too."""
    connection = cluster.master.connection
    connection.on_run("exec 3<>/dev/tcp/localhost/5000'", done())
    connection.on_run("images/build.sh", done(0, "sha256:built", LINES))
    connection.on("POST /images/localhost:5000/skp/docker-kafka/push", events({"status": "Pushed"}))
    digests = SimpleNamespace(before="sha256:old", after="sha256:new")
    asked: list[int] = []

    def distribution(_: Any) -> Any:
        asked.append(1)
        now = digests.before if len(asked) == 1 else digests.after
        return reply({"Descriptor": {"digest": now}})

    connection.on("GET /distribution/*/json", distribution)
    return SimpleNamespace(connection=connection, digests=digests)


def built(cluster: FakeCluster, said: list[str] | None = None) -> Report:
    say = (said if said is not None else []).append
    inventory = cluster.wanted.inventory
    with cluster.fleet() as fleet:
        return build_and_push(inventory, fleet, IMAGE, {"A": "1"}, "docker.image-build-kafka", say)


def test_a_dry_run_names_the_image(cluster: FakeCluster) -> None:
    (result,) = planned(cluster.wanted.inventory, IMAGE).results
    assert (result.item.node, result.item.name) == ("c01", "skp/docker-kafka:1.0")


def test_it_is_built_then_pushed_and_the_digest_told(cluster: FakeCluster, master: Any) -> None:
    said: list[str] = []
    report = built(cluster, said)
    (result,) = report.results
    assert (report.changed, result.detail) == (1, "sha256:new")
    assert said[:2] == ["[2/3] RUN install", "[2/3] took 9 s"]
    changes = [line for line in cluster.master.changes() if "audit" not in line]
    assert "dev/tcp/localhost/5000" in changes[0]
    assert "--build-arg A=1" in changes[1]
    assert changes[2].startswith("POST /images/localhost:5000/skp/docker-kafka/push?tag=1.0")


def test_the_same_image_again_is_no_change(cluster: FakeCluster, master: Any) -> None:
    master.digests.after = master.digests.before
    report = built(cluster)
    assert (report.changed, report.exit_code) == (0, ExitCode.OK)


def test_it_is_recorded_but_takes_no_lock(cluster: FakeCluster, master: Any) -> None:
    built(cluster)
    begin, end = cluster.trail("c02")
    assert (begin["event"], end["outcome"]) == ("begin", "done")
    assert [(s["action"], s["name"]) for s in end["steps"]] == [("build", "skp/docker-kafka:1.0")]
    assert cluster.configs.objects == {}


def test_without_a_registry_nothing_is_built_or_recorded(cluster: FakeCluster, master: Any) -> None:
    master.connection.on_run("exec 3<>/dev/tcp/localhost/5000'", done(1))
    with pytest.raises(NodeError, match="no registry answers at localhost:5000") as caught:
        built(cluster)
    assert caught.value.hint == "./skp.py docker.registry-run"
    assert len(cluster.master.changes()) == 1
    assert cluster["c02"].trail == b""


def test_a_build_that_fails_is_recorded_and_not_pushed(cluster: FakeCluster, master: Any) -> None:
    master.connection.on_run("images/build.sh", done(1, stderr="E: no such package\n"))
    with pytest.raises(NodeError, match=r"building localhost:5000/skp/docker-kafka:1\.0 failed"):
        built(cluster)
    assert cluster.trail("c02")[-1]["outcome"] == "failed"
    assert not [line for line in cluster.master.changes() if "/push" in line]


def test_a_push_that_fails_is_recorded(cluster: FakeCluster, master: Any) -> None:
    path = "POST /images/localhost:5000/skp/docker-kafka/push"
    master.connection.on(path, events({"error": "blob upload invalid"}))
    with pytest.raises(NodeError, match="blob upload invalid"):
        built(cluster)
    assert cluster.trail("c02")[-1]["outcome"] == "failed"


def test_a_manager_that_can_not_record_it_is_warned_of(cluster: FakeCluster, master: Any) -> None:
    cluster["c03"].connection.on_run("audit.jsonl", done(1, stderr="read-only\n"))
    report = built(cluster)
    assert len(report.warnings) == 2  # its beginning and its end
    assert report.changed == 1
