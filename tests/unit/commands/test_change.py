"""A change that was found to be done: asked about, locked, looked at again, recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from cluster.commands.change import Change, carry_out, show
from cluster.commands.converge import Console
from cluster.commands.report import Report
from cluster.connectors.fleet import Fleet
from cluster.errors import ExitCode, NodeError, SkpError
from cluster.lock import swarm as lock
from cluster.lock.holder import Holder
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Item, Keep, Kind
from cluster.operations.container_run import RunCommand
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done, golden

DRAIN = RunCommand("c02", "kafka-skp-2", ("kafka-drain",), 5)
KEEP = Keep(Kind.CONTAINER, "c01", "kafka-skp-1")
AWAY = {"c03": NodeError("c03", "can't be reached")}


@dataclass
class Found:
    """What a command finds to be done, each time it looks; `seen` are the clusters it looked at."""

    changes: Sequence[Change]
    seen: list[Cluster] = field(default_factory=list)

    def __call__(self, cluster: Cluster, _: Fleet) -> Change:
        self.seen.append(cluster)
        return self.changes[min(len(self.seen), len(self.changes)) - 1]


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def said() -> list[str]:
    return []


def carried(cluster: FakeCluster, found: Found, asked: list[str], said: list[str]) -> Report:
    console = Console(said.append, asked.append)
    with cluster.fleet() as fleet:
        return carry_out(found, cluster.declared, fleet, "docker.kafka-drain", console)


def change(*items: Item, question: str = "") -> Change:
    return Change(items, question=question)


def outcomes(report: Report) -> list[tuple[str, str]]:
    return [(result.item.name, str(result.outcome)) for result in report.results]


def test_a_dry_run_shows_what_would_be_done_and_changes_nothing(cluster: FakeCluster) -> None:
    found = Found([Change((DRAIN, KEEP), AWAY, ("mind",), "really?")])
    with cluster.fleet() as fleet:
        report = show(found, cluster.declared, fleet)
    assert cluster.changes() == []
    assert outcomes(report) == [("kafka-skp-2", "planned"), ("kafka-skp-1", "unchanged")]
    assert (report.unreachable, report.warnings) == (AWAY, ("mind",))


def test_nothing_to_do_takes_no_lock_and_asks_nothing(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    report = carried(cluster, Found([change(KEEP, question="really?")]), asked, said)
    assert outcomes(report) == [("kafka-skp-1", "unchanged")]
    assert (asked, cluster.changes()) == ([], [])


def test_a_change_is_locked_recorded_and_the_lock_freed(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    cluster["c02"].add("kafka-skp-2", {"Image": "i", "Labels": {}})
    report = carried(cluster, Found([change(DRAIN)]), asked, said)
    assert report.exit_code is ExitCode.OK
    golden("change", [line for line in cluster.changes() if "c03" not in line])
    assert [entry.get("outcome") for entry in cluster.trail("c03")] == [None, "done"]


def test_it_is_looked_once_more_when_the_lock_is_held(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    """Somebody else did it meanwhile: nothing is left to be done."""
    found = Found([change(DRAIN), change(KEEP)])
    report = carried(cluster, found, asked, said)
    assert len(found.seen) == 2
    assert outcomes(report) == [("kafka-skp-1", "unchanged")]
    assert not [line for line in cluster.changes() if "docker exec" in line]


def test_both_looks_know_what_the_swarm_remembers(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    cluster.remember({"kafka": {"KAFKA_NAME": "broker"}})
    cluster["c02"].add("kafka-skp-2", {"Image": "i", "Labels": {}})
    found = Found([change(DRAIN)])
    carried(cluster, found, asked, said)
    assert [seen.settings.text("KAFKA_NAME") for seen in found.seen] == ["broker", "broker"]


def test_a_person_is_asked_before_the_lock_is_taken_and_may_say_no(
    cluster: FakeCluster, said: list[str]
) -> None:
    def no(question: str) -> None:
        assert cluster.configs.objects == {}
        raise SkpError(f"no to {question}")

    found = Found([change(DRAIN, question="really?")])
    with cluster.fleet() as fleet, pytest.raises(SkpError, match=r"no to really\?"):
        carry_out(found, cluster.declared, fleet, "docker.kafka-drain", Console(said.append, no))
    assert cluster.changes() == []


def test_what_fails_stops_what_comes_after_it_and_is_recorded(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    first = RunCommand("c02", "kafka-skp-2", ("kafka-drain",), 5, order=1)
    then = RunCommand("c01", "kafka-skp-1", ("kafka-drain",), 5, order=2)
    cluster["c02"].add("kafka-skp-2", {"Image": "i", "Labels": {}})
    cluster["c02"].execs["kafka-drain"] = done(1, stderr="a partition has no other replica\n")
    report = carried(cluster, Found([change(first, then)]), asked, said)
    assert outcomes(report) == [("kafka-skp-2", "failed"), ("kafka-skp-1", "skipped")]
    assert report.results[0].detail == "kafka-drain: a partition has no other replica"
    assert cluster.trail("c01")[-1]["outcome"] == "failed"


def test_what_can_not_be_done_is_told_with_its_reason(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    blocked = Blocked(Kind.CONTAINER, "c01", "theirs", "it is not ours", "docker restart theirs")
    report = carried(cluster, Found([change(blocked)]), asked, said)
    (result,) = report.results
    assert (result.detail, result.hint) == ("it is not ours", "docker restart theirs")
    assert report.exit_code is ExitCode.FAILED


def test_secrets_are_hidden_in_what_containers_say(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    cluster["c02"].add("kafka-skp-2", {"Image": "i", "Labels": {}})
    cluster["c02"].connection.on_run("kafka-drain", done(0, stderr="with the-JUPYTER_PASSWORD\n"))
    report = carried(cluster, Found([change(DRAIN)]), asked, said)
    assert said[-1] == "c02: with ***"
    assert report.results[0].detail == "with ***"


def test_without_a_quorum_it_is_warned_that_options_are_not_known(
    cluster: FakeCluster, asked: list[str], said: list[str]
) -> None:
    cluster.leaderless = True
    report = carried(cluster, Found([change(KEEP)]), asked, said)
    (warning,) = report.warnings
    assert warning.startswith("options that -run was given are not known: c01: ")


def test_a_dead_holder_is_recorded(
    cluster: FakeCluster, asked: list[str], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "STALE_SECONDS", 0.01)
    monkeypatch.setattr(lock, "_PAUSE", 0.01)
    dead = Holder("bob@laptop", "docker.apply", "", "boot-2", 1, "1")
    cluster.configs.put("skp-lock", {lock.LABEL_HOLDER: dead.dumps()})
    cluster["c02"].add("kafka-skp-2", {"Image": "i", "Labels": {}})
    carried(cluster, Found([change(DRAIN)]), asked, said)
    assert "bob@laptop" in cluster.trail("c01")[0]["after"]
