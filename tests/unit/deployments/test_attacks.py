"""What a hostile file, image or neighbour tries, as far as no cluster is needed for it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.config import ports
from cluster.errors import ConfigError
from cluster.facts.nodes import found_container
from tests.support.deployments import COMPOSE, HUB, OWN
from tests.support.described import described
from tests.support.door_described import hosts
from workloads import holding, readers
from workloads.build import deployment
from workloads.check import is_project, is_secrets_name

LONG = "x" * 25_000


def refused(folder: Path, text: str, name: str = "x.yaml") -> str:
    (folder / name).write_text(text)
    (folder / "web.env").write_text("A=b\n")
    with pytest.raises(ConfigError) as caught:
        deployment(readers.read(folder / name))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OWN.replace("replicas: 2", "replicas: 2.0"), "2.0 found; allowed: a whole number"),
        (OWN.replace("publish: inside", "publish: 30000.0"), "allowed: a whole number"),
        (OWN.replace("memory: 4g", "memory: 1k"), "allowed: 6m or more"),
        (OWN.replace("shm: 2g", "shm: 9999999999g"), "allowed: at most 1t"),
        (OWN.replace("LEVEL: info", f"A: {LONG}, B: {LONG}, C: {LONG}"), "more than 64 KB"),
        (COMPOSE.replace('cpus: "1.5"', 'cpus: "nan"'), "a number such as 0.5"),
        (COMPOSE.replace('cpus: "1.5"', f"cpus: {'9' * 400}"), "a number such as 0.5"),
        (COMPOSE.replace("1m30s", f"{'9' * 400}h"), "such as 30s"),
        (COMPOSE.replace("env_file: web.env", r'env_file: "a\0b"'), "no name of a file"),
    ],
)  # fmt: skip
def test_a_value_that_would_break_something_later(tmp_path: Path, text: str, why: str) -> None:
    assert why in refused(tmp_path, text)


def test_a_long_line_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "folder.py").write_text(f'FOLDER={" " * 200_000}""x"\n')
    began = time.process_time()
    with pytest.raises(ConfigError):
        readers.read(tmp_path)
    assert time.process_time() - began < 5, "it would be hours"


def test_what_an_image_says_of_itself_is_not_what_the_platform_says() -> None:
    said = {"skp.service": "mysql", "skp.spec": "x", "com.docker.swarm.task.id": "t"}

    def found(labels: dict[str, str]) -> Any:
        inspected = {
            "Name": "/x",
            "Id": "i",
            "Config": {"Image": "i", "Labels": labels},
            "State": {"Status": "running", "StartedAt": ""},
        }
        return found_container(inspected, {"Ports": []})

    assert found(said).service is None
    assert found({"skp.service": "mysql"}).service == "mysql", "as of a container of our own"


@pytest.mark.parametrize("name", ["../vision", "Vision", "vision/x", "", "v" * 33, "vision\n"])
def test_what_is_no_project(name: str) -> None:
    assert not is_project(name)
    assert not is_secrets_name(name.upper() + "/")


def test_ports_of_deployments_are_nobody_elses(tmp_path: Path) -> None:
    assert ports.chosen(described(tmp_path, hosts(), {}).settings) == range(31000, 32000)
    for given, why in (
        ("31999-31000", "ends before it begins"),
        ("2000-3000", "has the port 2049"),
        ("29990-31000", "has the port 30000"),
        ("4000-5000", "has the port 4789"),
    ):
        with pytest.raises(ConfigError, match=rf"env.sh:\d+: DEPLOY_PORTS: {given} {why}"):
            ports.chosen(described(tmp_path, hosts(), {"DEPLOY_PORTS": given}).settings)


def looked(*paths: Path) -> list[str]:
    """Return the folders of a node that can't be mounted, as its shell finds them."""
    words = " ".join(f"'{path}'" for path in paths)
    done = subprocess.run(
        ["sh", "-c", holding._SAFE.format(paths=words)],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return done.stdout.split()


def test_no_folder_is_mounted_that_somebody_could_exchange(tmp_path: Path) -> None:
    """Whoever may write above it puts a link to / there, and waits until it is mounted again."""
    own = tmp_path / "own"
    own.mkdir()
    assert looked(Path("/usr/share"), Path("/usr/share/doc")) == []
    assert looked(own) == [str(own)], "/tmp is everybody's"
    assert looked(Path("/usr/share/nowhere")) == ["/usr/share/nowhere"]
    assert looked(Path("/proc/self/cwd")) == ["/proc/self/cwd"], "a link"


def test_the_samples_are_well(tmp_path: Path) -> None:
    """What is refused above is so for what was changed in it."""
    (tmp_path / "web.env").write_text("A=b\n")
    for name, text in (("a.yaml", OWN), ("b.yaml", COMPOSE), ("myDeploy.py", HUB)):
        (tmp_path / name).write_text(text)
        deployment(readers.read(tmp_path / name))
