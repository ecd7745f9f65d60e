"""nghttp2's h2load, as `bench/run` unpacks it: requests a second and latency of a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / ".bench" / "h2load"
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
RUNS = {"one client": (1000, 1), "eight clients": (4000, 8)}
"""Requests and connections: of one client after another, and of eight at once."""


@dataclass(frozen=True)
class Figure:
    """What h2load says of a run: requests a second, and the mean request in ms."""

    rate: float
    each: float


def bench(url: str, number: int, clients: int, cookie: str = "", at: str = "") -> Figure:
    """Return what h2load measures of `number` requests by `clients` at once, by HTTP/1.1.

    Args:
        at: ADDRESS:PORT that it connects to, where that is not what the URL says.
    """
    words = [str(_FOLDER / "h2load"), "--h1", "-n", str(number), "-c", str(clients)]
    words += ["-H", f"Cookie: {cookie}"] if cookie else []
    words += [f"--connect-to={at}"] if at else []
    done = subprocess.run(
        [*words, url], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "LD_LIBRARY_PATH": str(_FOLDER)},
    )  # fmt: skip
    rate = re.search(r"finished in .*?, ([0-9.]+) req/s", done.stdout)
    mean = re.search(r"time for request: +\S+ +\S+ +([0-9.]+)(us|ms|s) ", done.stdout)
    if not (rate and mean) or f"status codes: {number} 2xx," not in done.stdout:
        sys.exit(f"bench: {url}: {done.stdout}{done.stderr}")
    return Figure(float(rate[1]), float(mean[1]) * _MS[mean[2]])
