"""Spark through what happens to machines and settings, and its results beside DuckDB's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.jupyter import SECONDS, result
from tests.support.lab import NODES, ROOT, container_ids, on, run, skp
from tests.support.spark import BEGIN, HISTORY, PAGE, WORKERS, opened

MINUTES = 60
JOB = (ROOT / "bench" / "spark" / "job.py").read_text()
# Two stages: what the first has written on the node that goes is needed by the second.
LONG = """
import time
def slow(pair):
    time.sleep(2)
    return pair[0], sum(pair[1]), socket.gethostname()
found = (spark.sparkContext.parallelize(range(2400), 8).map(lambda n: (n % 24, n))
         .groupByKey(24).map(slow).collect())
(sorted((key, total) for key, total, _ in found)
 == [(key, sum(range(key, 2400, 24))) for key in range(24)])
"""
STRANGER = """
from pyspark.sql import SparkSession
SparkSession.builder.master("spark://spark-skp-master:7077").appName("stranger").config(
    "spark.driver.host", "jupyter-skp"){}.getOrCreate().range(9).count()
"""


def state() -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{PAGE}/json/", timeout=SECONDS).json()
    return found


def alive() -> set[str]:
    return {worker["host"] for worker in state()["workers"] if worker["state"] == "ALIVE"}


def offered() -> set[tuple[int, int]]:
    """Return the megabytes and cores that workers which are alive have to give."""
    return {(w["memory"], w["cores"]) for w in state()["workers"] if w["state"] == "ALIVE"}


def until(said: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end
        time.sleep(1)


@pytest.fixture
def notebook(spark: None, changed: None) -> Iterator[Any]:
    """A new kernel, with a session on the cluster."""
    assert skp("docker.spark-run").code == 0
    with opened() as client:
        assert client.execute(BEGIN, timeout=3 * MINUTES)["status"] == "ok"
        yield client


def test_queries_like_tpch_give_what_duckdb_gives(notebook: Any) -> None:
    reply = notebook.execute(JOB, timeout=MINUTES)
    assert reply["status"] == "ok", reply
    call = "rows = compare(spark, '/root/mnt/dfs/tpch')"
    reply = notebook.execute(call, timeout=10 * MINUTES)
    assert reply["status"] == "ok", reply
    rows = json.loads(result(notebook, "json.dumps(rows)").strip("'"))
    on("c01", "sudo rm -rf /mnt/dfs/tpch")
    print(rows)
    assert set(rows) == {"Q1", "Q3", "Q5"}
    assert all(count > 0 for count in rows.values())


def test_the_example_runs_whole(notebook: Any) -> None:
    notebook.execute("spark.stop()", timeout=MINUTES)
    example = json.loads((ROOT / "volume" / "example" / "spark.ipynb").read_text())
    for cell in example["cells"]:
        if cell["cell_type"] == "code":
            reply = notebook.execute("".join(cell["source"]), timeout=5 * MINUTES)
            assert reply["status"] == "ok", reply
    on("c01", "sudo rm -rf /mnt/dfs/spark-example")


def test_a_changed_secret_is_everyones_after_an_apply(
    spark: None, changed: None, settings: Callable[..., dict[str, str]]
) -> None:
    before = container_ids()
    given = settings(SPARK_SECRET="another %s\\ 'secret' of 30 letters")
    try:
        applied = skp("docker.apply", "--busy", "replace", env=given)
        assert applied.code == 0, applied.all
        for node, names in container_ids().items():
            for name, ident in names.items():
                kept = ident == before[node][name]
                assert kept != ("spark-skp" in name or name == "jupyter-skp"), name
        with opened() as client:
            assert client.execute(BEGIN, timeout=3 * MINUTES)["status"] == "ok"
            assert result(client, "spark.range(9).count()") == "9"
    finally:
        back = skp("docker.apply", "--busy", "replace")
        assert back.code == 0, back.all


def test_limits_of_a_worker_are_its_containers_and_what_it_offers(
    notebook: Any, settings: Callable[..., dict[str, str]]
) -> None:
    notebook.execute("spark.stop()", timeout=MINUTES)
    limited = skp("docker.spark-run", env=settings(SPARK_MEMORY="2g", SPARK_CPUS="1"))
    assert limited.code == 0, limited.all
    limits = "docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}' "
    for node, name in WORKERS.items():
        assert on(node, limits + name).out.split() == [str(2 << 30), str(10**9)]
    until(lambda: alive() == set(WORKERS.values()), MINUTES)
    until(lambda: offered() == {(1536, 1)}, MINUTES)
    assert notebook.execute(BEGIN, timeout=3 * MINUTES)["status"] == "ok"
    assert result(notebook, "spark.range(9).count()") == "9"
    notebook.execute("spark.stop()", timeout=MINUTES)
    assert skp("docker.spark-run").code == 0


def test_what_does_not_fit_is_spilled_into_the_nodes_folder_and_goes_with_a_restart(
    notebook: Any, settings: Callable[..., dict[str, str]]
) -> None:
    notebook.execute("spark.stop()", timeout=MINUTES)
    ran = skp("docker.spark-run", env=settings(SPARK_SPILL="/mnt/spill"))
    assert ran.code == 0, ran.all
    try:
        until(lambda: alive() == set(WORKERS.values()), MINUTES)
        assert notebook.execute(BEGIN, timeout=3 * MINUTES)["status"] == "ok"
        # (Of a sort, Spark moves but what is asked of it: every row goes to another task here.)
        moved = "spark.range(20_000_000).repartition(8, 'id').selectExpr('max(id)').first()[0]"
        assert result(notebook, moved, 10 * MINUTES) == "19999999"
        for node, name in WORKERS.items():
            assert on(node, f"sudo find /mnt/spill/{name} -name 'shuffle_*.data'").out, node
        assert skp("docker.restart", "-n", "spark-skp-worker").code == 0
        for node, name in WORKERS.items():
            # (The driver goes on, and so has an executor there again, with empty folders.)
            assert on(node, f"sudo find /mnt/spill/{name} -type f").out == "", node
    finally:
        notebook.execute("spark.stop()", timeout=MINUTES)
        assert skp("docker.spark-run").code == 0
        for node in WORKERS:
            on(node, "sudo rm -r /mnt/spill")


def test_a_node_that_is_killed_in_the_middle_does_not_spoil_the_job(
    notebook: Any, powered: Callable[[str], None]
) -> None:
    with ThreadPoolExecutor(1) as beside:
        begun = time.monotonic()
        job = beside.submit(notebook.execute, LONG, timeout=10 * MINUTES)
        time.sleep(12)  # into the second stage, whose tasks take 24 s on two cores
        assert not job.done()
        powered("c03")
        reply = job.result(10 * MINUTES)
    print(f"the job took {time.monotonic() - begun:.0f} s")
    assert reply["status"] == "ok", reply
    assert reply["outputs"][-1]["data"]["text/plain"] == "True"
    notebook.execute("spark.stop()", timeout=MINUTES)


def test_a_session_outlives_the_masters_restart(notebook: Any) -> None:
    application = result(notebook, "spark.range(9).count(); spark.sparkContext.applicationId")
    assert skp("docker.restart", "-n", "spark-skp-master").code == 0
    until(lambda: alive() == set(WORKERS.values()), 3 * MINUTES)
    assert result(notebook, "spark.range(9).count()") == "9"
    until(
        lambda: application.strip("'") in [app["id"] for app in state()["activeapps"]], 3 * MINUTES
    )
    notebook.execute("spark.stop()", timeout=MINUTES)


# Where the driver's configuration is: its own, with the secret; or none.
OWN, NONE = "", "-e SPARK_CONF_DIR=/tmp"


@pytest.mark.parametrize(
    ("files", "more"),
    [
        (NONE, ""),
        (NONE, '.config("spark.authenticate", True).config("spark.authenticate.secret", "x")'),
        (OWN, '.config("spark.network.crypto.enabled", False)'),
    ],
    ids=["without the secret", "with another", "that would not encrypt"],
)
def test_a_driver_is_refused(spark: None, files: str, more: str) -> None:
    script = STRANGER.format(more)
    driver = f"docker exec -i {files} jupyter-skp timeout 240 python -"
    words = f"{driver} <<'END' 2>&1\n{script}\nEND"
    refused = run("ssh", "-F", ".lab/ssh_config", "c01", words, seconds=5 * MINUTES)
    assert refused.code != 0, refused.all
    assert "All masters are unresponsive" in refused.all or "SparkException" in refused.all
    known = [app["name"] for app in state()["activeapps"] + state()["completedapps"]]
    assert "stranger" not in known


def test_what_has_ended_is_in_the_history_when_all_containers_were_new(notebook: Any) -> None:
    application = result(notebook, "spark.range(9).count(); spark.sparkContext.applicationId")
    notebook.execute("spark.stop()", timeout=MINUTES)
    assert skp("docker.spark-rm").code == 0
    assert skp("docker.spark-run").code == 0
    told = f"{HISTORY}/api/v1/applications/{application.strip(chr(39))}"
    until(lambda: requests.get(told, timeout=SECONDS).status_code == 200, MINUTES)
    assert requests.get(told, timeout=SECONDS).json()["attempts"][0]["completed"]


@pytest.fixture
def down(spark: None) -> Iterator[None]:
    assert skp("docker.spark-rm").code == 0
    yield
    assert skp("docker.spark-run").code == 0


def test_a_strangers_container_on_the_port_is_named_and_no_worker_is_made(
    down: None,
) -> None:
    image = on("c01", "docker ps --format '{{.Image}}' --filter name=registry-skp").out.strip()
    assert on("c01", f"docker run -d --name web -p 8030:5000 {image}").code == 0
    try:
        before = container_ids()
        refused = skp("docker.spark-run")
        assert refused.code == 1
        assert "port 8030/tcp is taken by the container web" in refused.all
        made = {n for node in NODES for n in set(container_ids()[node]) - set(before[node])}
        assert made <= {"spark-skp-history"}
    finally:
        on("c01", "docker rm -fv web")


@pytest.mark.parametrize(
    ("changed_settings", "code", "said"),
    [
        ({"SPARK_TAG": "nosuch"}, 1, "does not have skp/docker-ds:nosuch"),
        ({"SPARK_GPU": "TRUE", "SPARK_GPU_IMAGE": "skp/docker-ds"}, 1, "SPARK_GPU"),
        ({"SPARK_MEMORY": "1g"}, 2, "allowed: 1366m or more"),
        ({"SPARK_URL": "spark://elsewhere:7077"}, 2, "allowed: spark://spark-skp-master:PORT"),
        ({"SPARK_URL": "http://spark-skp-master"}, 2, "a URL such as spark://"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_lost(
    spark: None,
    settings: Callable[..., dict[str, str]],
    changed_settings: dict[str, str],
    code: int,
    said: str,
) -> None:
    before = container_ids()
    refused = skp("docker.spark-run", env=settings(**changed_settings))
    assert refused.code == code, refused.all
    assert said in refused.all
    assert container_ids() == before
    assert alive() == set(WORKERS.values())
