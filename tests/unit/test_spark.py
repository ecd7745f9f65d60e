"""Spark's containers: who they are, what they are told, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.config.secrets import SPEC_KEY, Resolved, Secret, StoredSecrets
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster, View
from cluster.model.decisions import Decisions
from cluster.model.item import Action
from cluster.model.layout import Layout
from cluster.model.order import needed, waves
from cluster.model.spec import Container, Mount, SecretFile
from cluster.model.state import FoundNode, Membership, State, Swarm
from cluster.operations.container import CreateContainer
from cluster.plan.plan import make_plan
from cluster.plan.scope import Scope
from services.jupyter import SERVICE as JUPYTER
from services.spark.service import SERVICE as SPARK
from tests.support.described import NETWORKS, described

NOTHING = State({}, {}, None)
LABELS = {"c01": ["spark-master", "jupyter"], "c02": ["spark-worker"], "c03": ["spark-worker"]}


def hosts(labels: dict[str, list[str]]) -> dict[str, Any]:
    return {
        name: {
            "ipv4": f"10.0.0.{number}",
            "labels": [{label: "enable"} for label in found],
            "groups": ["master", "manager"] if number == 1 else ["worker"],
        }
        for number, (name, found) in enumerate(labels.items(), 1)
    }


def containers(folder: Path, labels: Any = None, **values: str) -> dict[str, Container]:
    cluster = described(folder, hosts(labels or LABELS), values)
    return {container.name: container for container in SPARK.containers(cluster, NOTHING)}


def notebook(folder: Path, labels: dict[str, list[str]], **values: str) -> Container:
    (found,) = JUPYTER.containers(described(folder, hosts(labels), values), NOTHING)
    return found


def properties(container: Container) -> dict[str, str]:
    (text,) = [
        file.content.reveal()
        for file in container.files
        if isinstance(file, SecretFile) and file.name == "spark-defaults.conf"
    ]
    return dict(line.split(" ", 1) for line in text.splitlines())


def test_a_master_a_history_server_and_a_worker_per_node(tmp_path: Path) -> None:
    found = containers(tmp_path)
    assert {name: container.node for name, container in found.items()} == {
        "spark-skp-master": "c01",
        "spark-skp-history": "c01",
        "spark-skp-worker-1": "c02",
        "spark-skp-worker-2": "c03",
    }


def test_one_node_may_be_all(tmp_path: Path) -> None:
    found = containers(tmp_path, {"c01": ["spark-master", "spark-worker"]})
    assert list(found) == ["spark-skp-master", "spark-skp-history", "spark-skp-worker-1"]


def test_numbers_that_are_remembered_stay_though_the_master_took_one(tmp_path: Path) -> None:
    labels = {**LABELS, "c04": ["spark-worker"]}
    decisions = Decisions(numbers={"spark": {"c01": "1", "c02": "2", "c03": "3"}})
    state = State({}, {}, Swarm("c01", "s", {}, decisions, {}, {}, ("c01",)))
    cluster = described(tmp_path, hosts(labels), {})
    found = {c.name: c.node for c in SPARK.containers(cluster, state) if "worker" in c.name}
    assert found == {
        "spark-skp-worker-2": "c02", "spark-skp-worker-3": "c03", "spark-skp-worker-4": "c04",
    }  # fmt: skip


def test_workers_come_after_the_master(tmp_path: Path) -> None:
    steps = [
        CreateContainer(container, "sha256:a", {}, "c01")
        for container in containers(tmp_path).values()
    ]
    first, second = waves(steps)
    assert {step.name for step in first} == {"spark-skp-master", "spark-skp-history"}
    assert {step.name for step in second} == {"spark-skp-worker-1", "spark-skp-worker-2"}
    for step in second:
        assert [one.name for one in needed(step, steps)] == [one.name for one in first]


@pytest.mark.parametrize(("held", "steps"), [({"spark"}, 0), (set(), 1)])
def test_while_it_is_held_its_nodes_get_no_numbers(
    tmp_path: Path, held: set[str], steps: int
) -> None:
    nodes = {name: FoundNode(name, name, "26", Membership("active"), {}) for name in LABELS}
    decisions = Decisions(stopped=frozenset(held))
    state = State(nodes, {}, Swarm("c01", "s", {}, decisions, NETWORKS, {}, ("c01",)))
    scope = Scope("docker.apply", tuple(LABELS), services=(SPARK,))
    cluster = described(tmp_path, hosts(LABELS), {})
    stored = StoredSecrets({SPEC_KEY: Secret("key")})
    cluster = replace(cluster, secrets={**cluster.secrets, **stored.values})
    plan = make_plan(View(cluster, state, Resolved(cluster.secrets, stored, stored)), scope)
    assert sum(item.action is Action.NUMBER for item in plan.items) == steps


def test_both_labels_are_spark_s(tmp_path: Path) -> None:
    assert {"spark-master", "spark-worker"} <= services.labels()
    assert "spark" not in services.labels()


def test_the_secret_is_in_files_alone(tmp_path: Path) -> None:
    every = [*containers(tmp_path).values(), notebook(tmp_path, LABELS)]
    for container in every:
        assert properties(container)["spark.authenticate.secret"] == "the-secret-SPARK_SECRET"
        assert properties(container)["spark.ui.killEnabled"] == "false", "its pages have no login"
        assert "the-secret" not in str((container.environment, container.command, container.files))


@pytest.mark.parametrize(
    ("wanted", "layout", "encrypted"),
    [("TRUE", Layout.TWO_TREES, True), ("FALSE", Layout.TWO_TREES, False),
     ("TRUE", Layout.ONE_TREE, False)],
)  # fmt: skip
def test_its_parts_encrypt_what_they_say_once_all_of_them_do(
    tmp_path: Path, wanted: str, layout: Layout, encrypted: bool
) -> None:
    told = replace(described(tmp_path, hosts(LABELS), {"SPARK_ENCRYPTED": wanted}), layout=layout)
    every = [*SPARK.containers(told, NOTHING), *JUPYTER.containers(told, NOTHING)]
    assert len(every) > 3
    for container in every:
        found = properties(container)
        assert found.get("spark.network.crypto.enabled", "false") == str(encrypted).lower()
        assert ("spark.network.crypto.saslFallback" in found) == encrypted
        assert ("spark.io.encryption.enabled" in found) == encrypted


def test_a_notebook_is_a_driver_that_workers_find(tmp_path: Path) -> None:
    told = properties(notebook(tmp_path, LABELS, SPARK_CORES_MAX="6"))
    assert told["spark.master"] == "spark://spark-skp-master:7077"
    assert told["spark.driver.host"] == "jupyter-skp"
    assert told["spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version"] == "2"
    assert told["spark.cores.max"] == "6"


def test_a_notebook_without_spark_is_told_nothing_of_it(tmp_path: Path) -> None:
    found = notebook(tmp_path, {"c01": ["jupyter"]})
    assert [file.name for file in found.files] == ["password", "gateway-token"]
    assert "SPARK" not in str(found.environment)


def test_limits_say_what_a_worker_gives(tmp_path: Path) -> None:
    worker = containers(tmp_path, SPARK_MEMORY="4g", SPARK_CPUS="2.5")["spark-skp-worker-1"]
    assert (worker.memory, worker.cpus) == (4 << 30, 2.5)
    gives = dict(worker.environment)
    assert (gives["SPARK_WORKER_MEMORY"], gives["SPARK_WORKER_CORES"]) == ("3072m", "2")


def test_what_spills_goes_where_the_setting_says_a_folder_for_each_container(
    tmp_path: Path,
) -> None:
    found = containers(tmp_path, SPARK_SPILL="/data/spill")
    driver = notebook(tmp_path, LABELS, SPARK_SPILL="/data/spill")
    for container in (found["spark-skp-worker-1"], found["spark-skp-worker-2"], driver):
        assert dict(container.environment)["SPARK_LOCAL_DIRS"] == "/var/spill"
        (mount,) = [m for m in container.mounts if m.target == "/var/spill"]
        assert mount == Mount(f"/data/spill/{container.name}", "/var/spill", create=True)
    assert "spill" not in str((found["spark-skp-master"], found["spark-skp-history"]))
    assert "spill" not in str(list(containers(tmp_path).values())).lower(), "nor by default"


def test_only_workers_have_gpus(tmp_path: Path) -> None:
    found = containers(tmp_path, SPARK_GPU="TRUE")
    assert [container.gpus for container in found.values()] == [0, 0, -1, -1]
    assert {container.image.repository for container in found.values()} == {"skp/docker-ds-gpu"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"SPARK_URL": "spark://elsewhere:7077"}, "allowed: spark://spark-skp-master:PORT"),
        ({"SPARK_URL": "spark://spark-skp-master:70770"}, "is not where the master is"),
        ({"SPARK_WNAME": "my_worker"}, "SPARK_WNAME: my_worker can't be part of a URL"),
        ({"SPARK_MNAME": "a_b"}, "SPARK_MNAME: a_b can't be part"),
        ({"JUPYTER_NAME": "jupyter_skp"}, "JUPYTER_NAME: jupyter_skp can't be part of a URL"),
        ({"AIRFLOW_NAME": "airflow_skp"}, "AIRFLOW_NAME: airflow_skp can't be part of a URL"),
        ({"SPARK_MEMORY": "1g"}, "too little for one executor of 1g .* allowed: 1366m or more"),
        ({"SPARK_EXECUTOR_MEMORY": "100m"}, "allowed: 512m or more"),
    ],
)
def test_settings_that_make_no_cluster_are_refused(
    tmp_path: Path, values: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        containers(tmp_path, **values)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"c01": [], "c02": ["spark-worker"]}, "no node has the label spark-master"),
        ({"c01": ["spark-master"], "c02": ["spark-master"]}, "c01, c02 has the label"),
    ],
)
def test_there_is_one_master(tmp_path: Path, labels: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        containers(tmp_path, labels)


def test_what_stays_at_its_default_is_no_part_of_a_container(tmp_path: Path) -> None:
    cluster: Cluster = described(tmp_path, hosts(LABELS), {})
    worker = containers(tmp_path)["spark-skp-worker-1"]
    assert "start_phase" not in worker.described("id", cluster.secrets["SPARK_SECRET"])
