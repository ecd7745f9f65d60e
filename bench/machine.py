"""What the figures were measured with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench.proc import value

ROOT = Path(__file__).parent.parent


def facts(nodes: str, engine: str) -> dict[str, str]:
    """Return the machine, the versions, and how busy it was, by name.

    Args:
        nodes: which those are that it works on. engine: the version of their Docker Engine.
    """
    safe = ("git", "-c", f"safe.directory={ROOT}", "describe", "--always", "--dirty")
    described = subprocess.run(
        safe, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": described.stdout.strip() or "unknown",
        "nodes": nodes,
        "processors": f"{os.cpu_count()} x {value('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(value('/proc/meminfo', 'MemTotal').split()[0]) >> 20} GiB",
        "load before": " ".join(Path("/proc/loadavg").read_text().split()[:3]),
        "kernel": platform.release(),
        "engine": engine,
        "Python": platform.python_version(),
    }
