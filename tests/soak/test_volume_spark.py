"""Spark on data volumes: executors on two nodes write one data set, and read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import restore, skp, with_spark
from tests.lab.data_volumes import Volume, done, until
from tests.lab.test_jupyter import result
from tests.lab.test_spark import BEGIN, WORKERS, opened
from tests.soak import data_servers
from tests.soak.data_servers import NAMES

ROWS = 200_000
WRITE = """
from pyspark.sql.functions import udf
where = udf(lambda _: socket.gethostname())
(spark.range(0, {rows}, 1, 8).selectExpr("id", "id % 5 AS part").withColumn("host", where("id"))
 .write.mode("overwrite").partitionBy("part").parquet("file:{folder}"))
"""
READ = """
found = spark.read.parquet("file:{folder}")
(found.count(), found.agg({{"id": "sum"}}).first()[0],
 sorted(row.host for row in found.select("host").distinct().collect()))
"""


@pytest.fixture(scope="module")
def volume(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    """All volumes on all nodes, Spark on all nodes, and a notebook server that knows of both."""
    data_servers.start()
    folder = tmp_path_factory.mktemp("volumes")
    hosts = data_servers.consumers(folder)
    with_spark(Path(hosts))
    volume = data_servers.on_all(folder, hosts)
    done(volume.skp("docker.spark-run"))
    yield volume
    done(skp("docker.spark-rm", env=volume.env))
    done(skp("docker.apply", "-q", "--yes"))
    restore()
    data_servers.forget()
    data_servers.stop()


@pytest.fixture(scope="module")
def notebook(volume: Volume) -> Iterator[Any]:
    with opened() as client:
        assert client.execute(BEGIN, timeout=180)["status"] == "ok"
        yield client


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_by_executors_of_two_nodes(volume: Volume, notebook: Any, name: str) -> None:
    folder = f"/root/mnt/{name}/spark"
    reply = notebook.execute(WRITE.format(rows=ROWS, folder=folder), timeout=600)
    assert reply["status"] == "ok", reply
    until(lambda: all(row.get("pending_bytes") == 0 for row in volume.rows()), 600)
    wanted = (ROWS, ROWS * (ROWS - 1) // 2, sorted(WORKERS.values()))
    assert result(notebook, READ.format(folder=folder)) == str(wanted)
