"""Spark on data volumes: executors on two nodes write one data set, and read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import data_servers
from tests.support.data_servers import NAMES, S3_SERVERS
from tests.support.data_volumes import Volume, done, until
from tests.support.jupyter import result
from tests.support.lab import on, restore, skp, with_spark
from tests.support.spark import BEGIN, WORKERS, opened

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
    """All volumes on all nodes, Spark on all nodes, and a notebook server that knows of both.

    S3 is moto: SeaweedFS and s3rver can't copy an object whose name has a `/` at its end or a `=`.
    """
    data_servers.start("moto")
    folder = tmp_path_factory.mktemp("volumes")
    hosts = data_servers.consumers(folder)
    with_spark(Path(hosts))
    volume = data_servers.on_all(folder, hosts, **S3_SERVERS["moto"])
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


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_executors_of_two_nodes_write_a_data_set(
    volume: Volume, notebook: Any, name: str, number: int
) -> None:
    folder = f"/root/mnt/{name}/spark-{number}"
    reply = notebook.execute(WRITE.format(rows=ROWS, folder=folder), timeout=600)
    assert reply["status"] == "ok", reply
    sent(volume)
    wanted = (ROWS, ROWS * (ROWS - 1) // 2, sorted(WORKERS.values()))
    assert result(notebook, READ.format(folder=folder), 600) == str(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_written_to_the_shared_folder_and_copied_is_read_by_all_executors(
    volume: Volume, notebook: Any, name: str
) -> None:
    """The documentation's way to servers that don't copy objects as AWS does."""
    shared, folder = f"/root/mnt/dfs/spark-{name}", f"/root/mnt/{name}/copied"
    write = WRITE.format(rows=ROWS, folder=shared)
    copy = f"import shutil; shutil.copytree('{shared}', '{folder}')"
    for code in (write, copy, f"shutil.rmtree('{shared}')"):
        reply = notebook.execute(code, timeout=600)
        assert reply["status"] == "ok", reply
    sent(volume)
    wanted = (ROWS, ROWS * (ROWS - 1) // 2, sorted(WORKERS.values()))
    assert result(notebook, READ.format(folder=folder), 600) == str(wanted)
    by_both = f"spark.read.parquet('file:{folder}').repartition(8).select(where('id').alias('h'))"
    hosts = result(notebook, f"sorted(r.h for r in {by_both}.distinct().collect())", 600)
    assert hosts == str(sorted(WORKERS.values()))


def sent(volume: Volume) -> None:
    """Wait until everything is at the servers, and longer than any node's cache of names."""
    until(lambda: all(row.get("pending_bytes") == 0 for row in volume.rows()), 600)
    on("c01", "sleep 6")
