"""One lab for all tests of a run, brought to the same state before each of them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
NODES = ("c01", "c02", "c03")
JUPYTER = "http://10.99.0.11:8010/jupyter-skp"
GATEWAY = "http://10.99.0.11:8020"
MINUTES = 60
# Services that the inventory as shipped asks for and the demo does not begin: tests of their own
# do, with the labels that `labelled` adds.
_NOT_YET = {"mysql", "spark-master", "spark-worker"}
_FOLDER = tempfile.TemporaryDirectory(prefix="skp-tests-")
HOSTS = Path(_FOLDER.name) / "hosts.json"


def inventory(path: Path = ROOT / "etc" / "hosts.json") -> dict[str, Any]:
    """Return the inventory at `path`, without the labels of what the demo does not begin."""
    hosts: dict[str, Any] = json.loads(path.read_text())
    for entry in hosts.values():
        entry["labels"] = [each for each in entry["labels"] if not _NOT_YET & set(each)]
    return hosts


# For a command that is to read the inventory that its settings name.
SHIPPED = {"SKP_HOSTS": ""}
HOSTS.write_text(json.dumps(inventory(), indent=2))


def labelled(path: Path, *labels: str, nodes: tuple[str, ...] = NODES) -> dict[str, str]:
    """Return an environment in which `nodes` have the labels too; its inventory is at `path`."""
    hosts = inventory()
    for name in nodes:
        hosts[name]["labels"] += [{label: "enable"} for label in labels]
    path.write_text(json.dumps(hosts))
    return {"SKP_HOSTS": str(path)}


def with_spark(path: Path) -> None:
    """Give the inventory at `path` the labels of Spark that the shipped one has."""
    hosts: dict[str, Any] = json.loads(path.read_text())
    hosts["c01"]["labels"].append({"spark-master": "enable"})
    for name in ("c02", "c03"):
        hosts[name]["labels"].append({"spark-worker": "enable"})
    path.write_text(json.dumps(hosts))


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return self.out + self.err


def run(*words: str, seconds: float = 20 * MINUTES, env: Mapping[str, str] | None = None) -> Ran:
    """Run a program of the project from its root."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def skp(*words: str, seconds: float = 10 * MINUTES, env: Mapping[str, str] | None = None) -> Ran:
    """Run a command as a person would type it."""
    return run("./skp.py", *words, seconds=seconds, env=env)


def on(node: str, command: str) -> Ran:
    """Run a command on a node by OpenSSH's own client."""
    return run("ssh", "-F", ".lab/ssh_config", node, command, seconds=3 * MINUTES)


def host_docker(*words: str) -> Ran:
    """Run docker on the machine of the lab itself."""
    return run("docker", *words, seconds=3 * MINUTES)


def container_ids(nodes: tuple[str, ...] = NODES) -> dict[str, dict[str, str]]:
    """Return every container's id by node and name: what was not replaced keeps it."""
    found = skp("docker.ps", "--json", "--nodes", ",".join(nodes)).json
    return {node: {c["name"]: c["id"] for c in found[node]} for node in nodes}


def secret(key: str) -> str:
    """Return a generated secret from where a person finds it."""
    for line in (ROOT / "etc" / "secrets.env").read_text().splitlines():
        if line.startswith(f"{key}="):
            return line.partition("=")[2].strip("'")
    raise KeyError(key)


@pytest.fixture(scope="session", autouse=True)
def _hosts() -> None:
    """Have every command read `HOSTS`, unless a test names another inventory."""
    os.environ["SKP_HOSTS"] = str(HOSTS)


@pytest.fixture(scope="session")
def demo() -> tuple[Ran, Ran]:
    """What README's first command says, and what it says the second time."""
    return run("bin/demo", seconds=45 * MINUTES, env=SHIPPED), run(
        "bin/demo", seconds=10 * MINUTES, env=SHIPPED
    )


def restore() -> None:
    """Make the cluster again what the demo left."""
    up = skp("-q", "lab.up", "-n", "3", "--publish")
    assert up.code == 0, up.all
    applied = skp("docker.apply", "-q", "--busy", "replace")
    assert applied.code == 0, applied.all


@pytest.fixture(scope="session")
def platform(demo: tuple[Ran, Ran]) -> None:
    """The demo's cluster, which every test finds and leaves in the same state."""
    assert demo[0].code == 0, demo[0].all
    restore()


@pytest.fixture
def changed(platform: None) -> Iterator[None]:
    """For a test that changes the cluster: puts it right again afterwards.

    It begins without kernels that other tests began: a server with kernels is not replaced.
    """
    busy = "docker exec jupyter-skp /opt/skp/bin/jupyter-busy && docker restart jupyter-skp"
    if on("c01", busy).code == 0:
        assert skp("docker.apply", "-q").code == 0
    yield
    restore()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Return a maker of an environment in which some settings are others."""

    def make(**changed: str) -> dict[str, str]:
        lines = [f"source {ROOT}/bin/env.sh"]
        lines += [f"export {key}={shlex.quote(value)}" for key, value in changed.items()]
        path = tmp_path / "env.sh"
        path.write_text("\n".join(lines) + "\n")
        return {"SKP_ENV": str(path)}

    return make


@pytest.fixture
def powered(changed: None) -> Iterator[Callable[[str], None]]:
    """Return a switch that powers nodes off; they are on again after the test."""
    off: list[str] = []

    def switch(node: str) -> None:
        off.append(node)
        assert host_docker("kill", node).code == 0

    yield switch
    for node in off:
        host_docker("start", node)


@pytest.fixture
def unreachable(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a maker of an environment in which one node can't be reached.

    Its inventory names a port where nothing listens: cheaper than to power the node off.
    """

    def make(node: str) -> dict[str, str]:
        hosts = inventory()
        hosts[node]["port"] = 1
        path = tmp_path / "hosts.json"
        path.write_text(json.dumps(hosts))
        return {"SKP_HOSTS": str(path)}

    return make
