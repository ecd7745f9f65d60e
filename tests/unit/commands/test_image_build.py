"""Building an image and pushing it: what is asked first, what is recorded, what is told."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.commands.image_build import build_and_push, planned
from cluster.commands.report import Report
from cluster.errors import ExitCode, NodeError
from cluster.model.policy import Progress
from cluster.model.spec import Image
from tests.support.digests import digest
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done, events, reply

IMAGE = Image("skp/docker-kafka", "1.0", recipe="docker-kafka")
NEW = digest("new")
LINES = "#5 [2/3] RUN install\n#5 DONE 9.1s\n"


@pytest.fixture
def master(cluster: FakeCluster) -> Any:
    """The master's connection: a registry listens there, the build works, the push too."""
    connection = cluster.master.connection
    connection.on_run("exec 3<>/dev/tcp/localhost/5000'", done())
    connection.on_run("images/build.sh", done(0, "sha256:built", LINES))
    told = {"status": f"1.0: digest: {NEW} size: 1576"}
    connection.on("POST /images/localhost:5000/skp/docker-kafka/push", events(told))
    return SimpleNamespace(connection=connection)


def on_record(cluster: FakeCluster) -> Any:
    return json.loads(cluster.labels["skp.digests"]).get("skp/docker-kafka:1.0")


def built(cluster: FakeCluster, said: list[str] | None = None) -> Report:
    say = (said if said is not None else []).append
    inventory = cluster.wanted.inventory
    with cluster.fleet() as fleet:
        return build_and_push(
            inventory, fleet, IMAGE, {"A": "1"}, "docker.image-build-kafka", Progress(say)
        )


def test_a_dry_run_names_the_image(cluster: FakeCluster) -> None:
    (result,) = planned(cluster.wanted.inventory, IMAGE).results
    assert (result.item.node, result.item.name) == ("c01", "skp/docker-kafka:1.0")


def test_it_is_built_then_pushed_and_the_digest_told(cluster: FakeCluster, master: Any) -> None:
    said: list[str] = []
    report = built(cluster, said)
    (result,) = report.results
    assert (report.changed, result.detail) == (1, NEW)
    assert said[:3] == [f"c01: build {IMAGE.name}", "[2/3] RUN install", "[2/3] took 9 s"]
    changes = [line for line in cluster.master.changes() if "audit" not in line]
    assert "dev/tcp/localhost/5000" in changes[0]
    assert "--build-arg A=1" in changes[1]
    assert changes[2].startswith("POST /images/localhost:5000/skp/docker-kafka/push?tag=1.0")
    assert changes[3].startswith("POST /swarm/update")
    assert on_record(cluster) == [NEW]


def test_the_record_has_what_was_pushed_whatever_the_registry_says(
    cluster: FakeCluster, master: Any
) -> None:
    """Somebody who writes the tag right after the push does not get on record."""
    poisoned = reply({"Descriptor": {"digest": digest("poisoned")}})
    master.connection.on("GET /distribution/*/json", poisoned)
    built(cluster)
    assert on_record(cluster) == [NEW]


def test_a_new_build_counts_and_the_one_before_is_remembered(
    cluster: FakeCluster, master: Any
) -> None:
    cluster.admit("skp/docker-kafka:1.0", digest("old"))
    built(cluster)
    assert on_record(cluster) == [NEW, digest("old")]


def test_without_a_swarm_nothing_is_built(cluster: FakeCluster, master: Any) -> None:
    for machine in cluster.machines.values():
        machine.swarm |= {"LocalNodeState": "inactive", "ControlAvailable": False}
    with pytest.raises(NodeError, match="there is no Swarm yet") as caught:
        built(cluster)
    assert caught.value.hint == "./skp.py docker.swarm-init"
    assert not [line for line in cluster.master.changes() if "build.sh" in line]


def test_with_a_record_that_can_not_be_read_nothing_is_built(
    cluster: FakeCluster, master: Any
) -> None:
    cluster.labels["skp.digests"] = "nonsense"
    with pytest.raises(NodeError, match="is of no known form"):
        built(cluster)
    assert not [line for line in cluster.master.changes() if "build.sh" in line]
    assert cluster.labels["skp.digests"] == "nonsense"


def test_the_same_image_again_is_no_change(cluster: FakeCluster, master: Any) -> None:
    cluster.admit("skp/docker-kafka:1.0", NEW)
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
