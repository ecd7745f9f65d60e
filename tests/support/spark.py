"""Spark on the lab: where its pages are, and a notebook's way to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.jupyter import kernel, log_in
from tests.support.lab import JUPYTER, secret

PAGE = "http://10.99.0.11:8030"
HISTORY = "http://10.99.0.11:18080"
WORKERS = {"c02": "spark-skp-worker-1", "c03": "spark-skp-worker-2"}
BEGIN = """
from pyspark.sql import SparkSession
import socket
spark = (SparkSession.builder.master("spark://spark-skp-master:7077").appName("lab")
         .config("spark.cores.max", 2).config("spark.executor.memory", "512m")
         .config("spark.ui.showConsoleProgress", False).getOrCreate())
"""


@contextmanager
def opened() -> Iterator[Any]:
    """Begin a kernel as a logged-in browser does."""
    browser = log_in(secret("JUPYTER_PASSWORD"))
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with kernel(JUPYTER, {"Cookie": cookies, "X-XSRFToken": browser.cookies["_xsrf"]}) as client:
        yield client
