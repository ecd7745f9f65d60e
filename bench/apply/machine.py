"""What the figures were measured with."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from bench.apply.contenders import ANSIBLE, ROOT
from bench.proc import value


def facts() -> dict[str, str]:
    """Return the machine, the versions, and how busy it was, by name."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _first_line("git", "-c", f"safe.directory={ROOT}", "describe", "--always",
                              "--dirty"),
        "processors": f"{os.cpu_count()} x {value('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(value('/proc/meminfo', 'MemTotal').split()[0]) >> 20} GiB",
        "load before": " ".join(Path("/proc/loadavg").read_text().split()[:3]),
        "kernel": platform.release(),
        "engine": _first_line("docker", "version", "-f", "{{.Server.Version}}"),
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{n} {metadata.version(n)}" for n in ("paramiko", "docker")),
        "Ansible": f"{_first_line(str(ANSIBLE / 'ansible'), '--version')}, "
        f"community.docker {_collection()}",
    }  # fmt: skip


def _first_line(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    return done.stdout.split("\n")[0] or "unknown"


def _collection() -> str:
    manifest = next(
        ANSIBLE.parent.glob(
            "lib/*/site-packages/ansible_collections/community/docker/MANIFEST.json"
        )
    )
    return str(json.loads(manifest.read_text())["collection_info"]["version"])
