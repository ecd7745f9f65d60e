"""Spark as its users meet it: the guide's commands, and jobs from a notebook on other nodes."""

from __future__ import annotations

from typing import Any

import requests

from tests.support.confined import check_confined
from tests.support.jupyter import SECONDS, result
from tests.support.lab import container_ids, on, secret, skp
from tests.support.spark import BEGIN, PAGE, WORKERS

ROUND_TRIP = """
import time
from pyspark.sql.functions import udf
wanted, end = 2, time.time() + 180
while len(spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) <= wanted:
    assert time.time() < end  # both executors, beside the driver
    time.sleep(0.2)
where = udf(lambda n: (time.sleep(0.05), socket.gethostname())[1])
spark.range(0, 40, 1, 8).withColumn("host", where("id")).write.mode("overwrite").parquet(
    "file:/root/mnt/dfs/spark-lab")
found = spark.read.parquet("file:/root/mnt/dfs/spark-lab")
(found.count(), found.agg({"id": "sum"}).first()[0],
 sorted(row.host for row in found.select("host").distinct().collect()))
"""


def test_its_page_lists_the_workers_of_both_nodes(spark: None) -> None:
    state = requests.get(f"{PAGE}/json/", timeout=SECONDS).json()
    assert state["status"] == "ALIVE"
    assert {w["host"] for w in state["workers"] if w["state"] == "ALIVE"} == set(WORKERS.values())
    assert "Spark Master at spark://spark-skp-master:7077" in requests.get(PAGE, timeout=60).text


def test_every_container_is_confined(spark: None) -> None:
    check_confined("spark", "jupyter")


def test_a_job_of_a_notebook_runs_on_two_nodes_and_its_history_stays(notebook: Any) -> None:
    begun = notebook.execute(BEGIN, timeout=300)
    assert begun["status"] == "ok", begun
    assert result(notebook, ROUND_TRIP, 400) == f"(40, 780, {sorted(WORKERS.values())})"
    application = result(notebook, "spark.sparkContext.applicationId").strip("'")
    notebook.execute("spark.stop()", timeout=60)
    logs = f"/home/skp/skp/volume/var/spark/work/{application}"
    # (One that ended early was replaced by Spark: its log stays too.)
    assert len(on("c01", f"ls {logs}/*/stderr").out.split()) >= 2
    assert on("c01", f"ls -d /home/skp/skp/volume/var/spark/events/*{application}*").code == 0


def test_the_second_run_changes_nothing(spark: None) -> None:
    before = container_ids()
    again = skp("docker.spark-run")
    assert (again.code, "Nothing to change" in again.out) == (0, True), again.all
    assert container_ids() == before


def test_the_secret_is_not_shown_and_jobs_can_not_be_submitted_over_http(spark: None) -> None:
    for node in ("c01", "c02"):
        shown = on(
            node, "docker inspect $(docker ps -aq); ps axww; docker logs spark-skp-master 2>&1"
        ).out
        assert "spark-skp" in shown
        assert secret("SPARK_SECRET") not in shown
    closed = on("c01", "docker exec spark-skp-master bash -c '</dev/tcp/spark-skp-master/6066'")
    assert "Connection refused" in closed.all
