"""The practice cluster as tests use it: its names and addresses, its commands, its demo's state."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.engine import NEVER_BEGAN

ROOT = Path(__file__).resolve().parent.parent.parent
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
    """Run a program of the project from its root; again where its container never began it."""
    ran = _run(words, seconds, env)
    return _run(words, seconds, env) if ran.code == 126 and NEVER_BEGAN in ran.all else ran


def _run(words: tuple[str, ...], seconds: float, env: Mapping[str, str] | None) -> Ran:
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
    """Run a command on a node as its user, by the engine that the lab is on: not by SSH."""
    words = ("exec", "-u", "skp", "-w", "/home/skp", node, "bash", "-c", command)
    return host_docker(*words)


def by_ssh(node: str, command: str, seconds: float = 3 * MINUTES) -> Ran:
    """Run a command on a node by OpenSSH's own client."""
    return run("ssh", "-F", ".lab/ssh_config", node, command, seconds=seconds)


def host_docker(*words: str) -> Ran:
    """Run docker on the machine of the lab itself."""
    return run("docker", *words, seconds=3 * MINUTES)


def container_ids(nodes: tuple[str, ...] = NODES) -> dict[str, dict[str, str]]:
    """Return every container's id by node and name: what was not replaced keeps it."""

    def one(node: str) -> dict[str, str]:
        ran = on(node, "docker ps -a --no-trunc --format '{{.Names}} {{.ID}}'")
        assert ran.code == 0, ran.all
        return dict(line.split() for line in ran.out.splitlines())

    with ThreadPoolExecutor() as pool:
        return dict(zip(nodes, pool.map(one, nodes), strict=True))


def secret(key: str) -> str:
    """Return a generated secret from where a person finds it."""
    for line in (ROOT / "etc" / "secrets.env").read_text().splitlines():
        if line.startswith(f"{key}="):
            return line.partition("=")[2].strip("'")
    raise KeyError(key)


# What is said of the demo's image after the Swarm ended, which remembered its digest.
FORGOTTEN = "no digest is recorded of skp/docker-ds:latest"


def admit(image: str = "skp/docker-ds:latest") -> None:
    """Admit what the registry has of an image, after a push by hand or the end of the Swarm."""
    admitted = skp("docker.image-admit", image)
    assert admitted.code == 0, admitted.all


def restore() -> None:
    """Make the cluster again what the demo left."""
    if _lives() != _restored:
        up = skp("-q", "lab.up", "-n", "3", "--publish")
        assert up.code == 0, up.all
    words = ("docker.apply", "-q", "--busy", "replace")
    applied = skp(*words)
    if FORGOTTEN in applied.out:
        admit()
        applied = skp(*words)
    assert applied.code == 0, applied.all
    _restored[:] = _lives()


def _lives() -> list[str]:
    """Return the lab's containers with since when each runs: one that was off has begun anew."""
    ours = host_docker("ps", "-aq", "--filter", "label=skp.lab.name=skp-lab").out.split()
    shown = "{{.Name}} {{.State.Status}} {{.State.StartedAt}}"
    return sorted(host_docker("inspect", "-f", shown, *ours).out.splitlines())


_restored: list[str] = ["never"]


def node_rows() -> dict[str, list[str]]:
    """Return `docker node ls` on c01 by host name: status, availability, manager status."""
    listed = on("c01", "docker node ls").out.splitlines()
    assert listed[0].split()[:4] == ["ID", "HOSTNAME", "STATUS", "AVAILABILITY"]
    rows = [line.replace("*", " ").split() for line in listed[1:]]
    return {row[1]: row[2:-1] for row in rows}
