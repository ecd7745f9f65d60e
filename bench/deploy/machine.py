"""What the figures were measured with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench.deploy.contenders import NODES, ROOT, on
from bench.proc import value


def facts() -> dict[str, str]:
    """Return the machine, the versions, and how busy it was, by name."""
    safe = ("git", "-c", f"safe.directory={ROOT}", "describe", "--always", "--dirty")
    described = subprocess.run(
        safe, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": described.stdout.strip() or "unknown",
        "nodes": f"{len(NODES)} of the practice cluster, three of them managers",
        "processors": f"{os.cpu_count()} x {value('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(value('/proc/meminfo', 'MemTotal').split()[0]) >> 20} GiB",
        "load before": " ".join(Path("/proc/loadavg").read_text().split()[:3]),
        "kernel": platform.release(),
        "engine": on("docker version -f '{{.Server.Version}}'").strip(),
        "Python": platform.python_version(),
    }
