"""Data like TPC-H's, and a job over it: for a notebook's container, or any Python with Spark.

It is sent whole, with a call of one of its functions. The queries' texts are the same for every
engine. Sums are exact decimals.
"""

from __future__ import annotations

import json
import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROUNDS = 5
TABLES = {
    "nation": """
        SELECT i AS n_nationkey, 'NATION ' || i AS n_name, i % 5 AS n_regionkey
        FROM range(25) t(i)""",
    "region": """
        SELECT i AS r_regionkey,
               ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'][i + 1] AS r_name
        FROM range(5) t(i)""",
    "supplier": "SELECT i AS s_suppkey, i * 7 % 25 AS s_nationkey FROM range(100) t(i)",
    "customer": """
        SELECT i AS c_custkey, i * 11 % 25 AS c_nationkey,
               ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'HOUSEHOLD', 'MACHINERY']
               [(hash(i) % 5)::INT + 1]
               AS c_mktsegment
        FROM range(10000) t(i)""",
    "orders": """
        SELECT i AS o_orderkey, (hash(i) % 10000)::BIGINT AS o_custkey,
               DATE '1992-01-01' + (hash(i, 1) % 2400)::INT AS o_orderdate, 0 AS o_shippriority
        FROM range(getvariable('orders')) t(i)""",
    "lineitem": """
        SELECT o_orderkey AS l_orderkey, (hash(o_orderkey, j, 2) % 100)::BIGINT AS l_suppkey,
               (1 + hash(o_orderkey, j, 3) % 50)::DECIMAL(15,2) AS l_quantity,
               ((90000 + hash(o_orderkey, j, 4) % 10000000) / 100)::DECIMAL(15,2)
               AS l_extendedprice,
               ((hash(o_orderkey, j, 5) % 11) / 100)::DECIMAL(15,2) AS l_discount,
               ((hash(o_orderkey, j, 6) % 9) / 100)::DECIMAL(15,2) AS l_tax,
               ['A', 'N', 'R'][(hash(o_orderkey, j, 7) % 3)::INT + 1] AS l_returnflag,
               ['F', 'O'][(hash(o_orderkey, j, 8) % 2)::INT + 1] AS l_linestatus,
               o_orderdate + (1 + hash(o_orderkey, j, 9) % 120)::INT AS l_shipdate
        FROM orders, range(4) t(j)""",
}
QUERIES = {
    "Q1": """
        SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),
               sum(l_extendedprice * (1 - l_discount)),
               sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)),
               avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
        FROM lineitem WHERE l_shipdate <= DATE '1998-09-02'
        GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus""",
    "Q3": """
        SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate,
               o_shippriority
        FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
        WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15'
              AND l_shipdate > DATE '1995-03-15'
        GROUP BY l_orderkey, o_orderdate, o_shippriority
        ORDER BY revenue DESC, o_orderdate, l_orderkey LIMIT 10""",
    "Q5": """
        SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue
        FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
             JOIN supplier ON l_suppkey = s_suppkey AND c_nationkey = s_nationkey
             JOIN nation ON s_nationkey = n_nationkey JOIN region ON n_regionkey = r_regionkey
        WHERE r_name = 'ASIA' AND o_orderdate >= DATE '1994-01-01'
              AND o_orderdate < DATE '1996-01-01'
        GROUP BY n_name ORDER BY revenue DESC, n_name""",
}


def make(folder: str, orders: int) -> None:
    """Write every table as a Parquet file, by DuckDB."""
    import duckdb

    Path(folder).mkdir(exist_ok=True)
    duckdb.sql(f"SET VARIABLE orders = {orders}")
    for name, query in TABLES.items():
        duckdb.sql(f"CREATE OR REPLACE TABLE {name} AS {query}")
        duckdb.sql(f"COPY {name} TO '{folder}/{name}.parquet' (ROW_GROUP_SIZE 200000)")


def show(spark: Any, folder: str) -> None:
    """Make the tables known to a session."""
    for name in TABLES:
        spark.read.parquet(f"file:{folder}/{name}.parquet").createOrReplaceTempView(name)


def run(master: str, folder: str, properties: dict[str, str]) -> None:
    """Print the seconds to a session's first answers, and of each of its rounds after that."""
    from pyspark.sql import SparkSession

    begun = time.monotonic()
    builder = SparkSession.builder.master(master).appName("bench")
    # Tables of a few MB would be sent whole: here the nodes are to exchange rows.
    always = {"spark.sql.autoBroadcastJoinThreshold": "-1", "spark.sql.shuffle.partitions": "8"}
    for key, value in {**always, **properties}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    show(spark, folder)
    times = [begun]
    for _ in range(ROUNDS + 1):
        for query in QUERIES.values():
            spark.sql(query).collect()
        times.append(time.monotonic())
    spark.stop()
    print(json.dumps([after - before for before, after in pairwise(times)]))


def same(one: Any, other: Any) -> bool:
    """Tell whether two values of a result are the same; Spark rounds averages to 6 decimals."""
    if isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)
    return bool(one == other)


def compare(spark: Any, folder: str) -> dict[str, int]:
    """Return how many rows each query gives; AssertionError when Spark and DuckDB differ."""
    import duckdb

    make(folder, 60_000)
    show(spark, folder)
    rows = {}
    for name, query in QUERIES.items():
        wanted = duckdb.sql(query).fetchall()
        found = [tuple(row) for row in spark.sql(query).collect()]
        assert len(wanted) == len(found), (name, wanted, found)
        for one, other in zip(found, wanted, strict=True):
            assert all(map(same, one, other)), (name, one, other)
        rows[name] = len(found)
    return rows
