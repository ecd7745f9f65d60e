"""README's first command on a machine that has nothing: no Docker, no Python, no caches.

The machine is a privileged container of a bare Debian with a fresh clone in it; its Docker Engine,
the lab's nodes and their containers are all inside.
"""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import uplink

ROOT = Path(__file__).parent.parent.parent
IMAGE = "skp/base:trixie"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
PIP_CONF = Path("/etc/pip.conf")
MINUTES = 60


def docker(*words: str, seconds: float = 60) -> str:
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def network() -> Iterator[str]:
    """A network whose packets get out of here: three levels of networks are inside it."""
    name = f"skp-fresh-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "-o", f"com.docker.network.driver.mtu={uplink.mtu()}", name)
    yield name
    docker("network", "rm", name)


@pytest.fixture
def machine(tmp_path: Path, network: str) -> Iterator[str]:
    """A bare Debian, with the certificates and the pip configuration of this network."""
    subprocess.run(["bash", ROOT / "images/build.sh", "base", IMAGE], check=True, timeout=1200)
    clone = tmp_path / "skp"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True, timeout=60)
    name = network
    docker(
        "run", "-d", "--init", "--privileged", "--name", name, "--hostname", "fresh",
        "--network", network,
        "--tmpfs", "/run", "-v", "/var/lib/docker", "-v", "/var/lib/containerd",
        *(["-v", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.is_dir() else []),
        IMAGE, "sleep", "infinity",
    )  # fmt: skip
    try:
        # What its administrator has done: the network's certificates and mirrors.
        docker("exec", name, "update-ca-certificates")
        if PIP_CONF.is_file():
            docker("cp", str(PIP_CONF), f"{name}:{PIP_CONF}")
        docker("cp", str(clone), f"{name}:/srv/skp")
        yield name
    finally:
        docker("rm", "-fv", name, seconds=300)


def demo(machine: str, minutes: int) -> str:
    began = time.monotonic()
    said = docker("exec", machine, "/srv/skp/bin/demo", seconds=minutes * MINUTES)
    print(f"bin/demo: {time.monotonic() - began:.0f} s")
    return said


def test_the_demo_runs_twice_and_the_second_time_changes_nothing(machine: str) -> None:
    assert "docker" not in docker("exec", machine, "ls", "/usr/bin")
    first = demo(machine, minutes=20)
    assert "JupyterLab:" in first
    address = "http://127.0.0.1:8010/jupyter-skp/api"
    ask = f"import urllib.request as u; print(u.urlopen('{address}').read())"
    assert "version" in docker("exec", machine, "/srv/skp/.venv/bin/python", "-c", ask)
    second = demo(machine, minutes=5)
    assert "already up" in second
    assert second.count("Nothing to change") == 7
