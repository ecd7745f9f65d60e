"""The one view of a cluster that a command gets: settings, what is remembered, secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

import services
from cluster.config.secrets import SPEC_KEY, Secret, StoredSecrets
from cluster.errors import ConfigErrors
from cluster.facts.cluster import observe_cluster, remembered_cluster, unknown_options
from cluster.model import digests
from cluster.model.answer import Unanswered
from cluster.model.cluster import Cluster
from cluster.model.decisions import LABEL_DIGESTS
from tests.support.fake_cluster import HOSTS, FakeCluster
from tests.support.fakes import refusal

AIRFLOW = services.choose("airflow")
MARK = "/data/flow/var/airflow/store"
OPTIONS = {"airflow": {"AIRFLOW_VOLUME": "/data/flow"}}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    hosts = {name: dict(told) for name, told in HOSTS.items()}
    hosts["c01"]["labels"] = [{"mysql": "enable"}, {"airflow": "enable"}]
    hosts["c03"]["groups"] = ["worker"]
    cluster = FakeCluster(tmp_path, monkeypatch, hosts)
    cluster.begin()
    return cluster


def looks(cluster: FakeCluster) -> int:
    return cluster.wire.count("c01: GET /info")


def remembered(cluster: FakeCluster, *nodes: str) -> tuple[Cluster, list[str]]:
    with cluster.fleet(*nodes) as fleet:
        return remembered_cluster(cluster.declared, fleet)


def test_without_options_one_look_is_enough(cluster: FakeCluster) -> None:
    with cluster.fleet() as fleet:
        observe_cluster(cluster.declared, fleet, AIRFLOW)
    assert looks(cluster) == 1


def test_one_look_tells_what_waits_for_an_image_that_nobody_built(cluster: FakeCluster) -> None:
    known = digests.parse(cluster.labels[LABEL_DIGESTS])
    assert not isinstance(known, Unanswered)
    built = {name: given for name, given in known.items() if "mysql" in name or "ds" in name}
    cluster.labels[LABEL_DIGESTS] = digests.dumps(built)
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, services.choose(""))
    assert services.choose("flask")[0].hosts(view.cluster) == ()
    assert looks(cluster) == 1


def test_options_that_ask_for_other_files_bring_a_second_look_which_reads_these(
    cluster: FakeCluster,
) -> None:
    cluster.remember(OPTIONS)
    cluster.master.markers[MARK] = "mysql"
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, AIRFLOW)
    assert looks(cluster) == 2
    assert view.state.nodes["c01"].marker_files[MARK] == "mysql"
    assert view.cluster.settings.text("AIRFLOW_VOLUME") == "/data/flow"


def test_options_that_change_no_question_bring_no_second_look(cluster: FakeCluster) -> None:
    cluster.remember({"airflow": {"AIRFLOW_PORT": "8140"}})
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, AIRFLOW)
    assert looks(cluster) == 1
    assert view.cluster.settings.number("AIRFLOW_PORT") == 8140


def test_what_a_run_is_given_now_wins_over_what_is_remembered(cluster: FakeCluster) -> None:
    cluster.remember({"airflow": {"AIRFLOW_PORT": "8140", "AIRFLOW_NAME": "flow"}})
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, AIRFLOW, {"AIRFLOW_PORT": "8240"})
    text = view.cluster.settings.text
    assert (text("AIRFLOW_PORT"), text("AIRFLOW_NAME")) == ("8240", "flow")


def test_an_option_that_is_no_longer_right_is_refused(cluster: FakeCluster) -> None:
    cluster.remember({"airflow": {"AIRFLOW_PORT": "none"}})
    with cluster.fleet() as fleet, pytest.raises(ConfigErrors, match="AIRFLOW_PORT"):
        observe_cluster(cluster.declared, fleet, AIRFLOW)


def test_the_newest_managers_secrets_are_the_clusters(cluster: FakeCluster) -> None:
    for name, generation in (("c01", 1), ("c02", 2)):
        values = {SPEC_KEY: Secret("k"), "AIRFLOW_WEB_PASSWORD": Secret(f"of {name}")}
        cluster[name].secrets = StoredSecrets(values, generation).dumps()
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, AIRFLOW)
    assert view.cluster.secrets["AIRFLOW_WEB_PASSWORD"].reveal() == "of c02"
    assert remembered(cluster)[0].secrets["AIRFLOW_WEB_PASSWORD"].reveal() == "of c02"


def test_what_is_remembered_is_asked_of_managers_alone(cluster: FakeCluster) -> None:
    cluster.remember(OPTIONS)
    found, warnings = remembered(cluster)
    assert found.settings.text("AIRFLOW_VOLUME") == "/data/flow"
    assert warnings == []
    assert not [line for line in cluster.wire if line.startswith("c03")]


def test_one_manager_that_answers_is_enough(cluster: FakeCluster) -> None:
    cluster.remember(OPTIONS)
    cluster.down.add("c01")
    found, warnings = remembered(cluster)
    assert found.settings.text("AIRFLOW_VOLUME") == "/data/flow"
    assert warnings == []


def test_a_manager_outside_of_the_swarm_does_not_count(cluster: FakeCluster) -> None:
    cluster.remember(OPTIONS)
    cluster["c01"].swarm |= {"ControlAvailable": False}
    found, _ = remembered(cluster)
    assert found.settings.text("AIRFLOW_VOLUME") == "/data/flow"


def test_before_there_is_a_swarm_nothing_is_remembered_and_nothing_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster(tmp_path, monkeypatch)
    found, warnings = remembered(cluster)
    assert warnings == []
    assert found.settings.text("AIRFLOW_VOLUME") == "/home/skp/skp/volume"


def test_without_a_manager_it_is_warned_and_the_settings_hold(cluster: FakeCluster) -> None:
    cluster.remember(OPTIONS)
    cluster.down |= {"c01", "c02"}
    found, warnings = remembered(cluster)
    assert warnings == ["options that -run was given are not known: c01: can't be reached"]
    assert found.settings.text("AIRFLOW_VOLUME") == "/home/skp/skp/volume"


def test_a_manager_that_gives_half_an_answer_is_no_answer(cluster: FakeCluster) -> None:
    for name in ("c01", "c02"):
        cluster[name].connection.on("GET /swarm", refusal(500, "no leader"))
    _, (warning,) = remembered(cluster)
    assert "reading what the Swarm remembers: no leader" in warning


def unknown(cluster: FakeCluster) -> list[str]:
    with cluster.fleet() as fleet:
        return unknown_options(observe_cluster(cluster.declared, fleet, ()))


def test_a_view_with_a_swarm_knows_the_options(cluster: FakeCluster) -> None:
    cluster.down.add("c01")
    assert unknown(cluster) == []


def test_a_view_without_managers_does_not_know_them(cluster: FakeCluster) -> None:
    cluster.down |= {"c01", "c02"}
    assert unknown(cluster) == ["options that -run was given are not known: c01: can't be reached"]


def test_a_view_without_a_quorum_does_not_know_them(cluster: FakeCluster) -> None:
    cluster.leaderless = True
    (warning,) = unknown(cluster)
    assert "does not have a leader" in warning


def test_a_view_before_there_is_a_swarm_has_none_to_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unknown(FakeCluster(tmp_path, monkeypatch)) == []
