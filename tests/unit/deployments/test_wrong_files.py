"""Sixty wrong files: each is refused with its line, what is allowed, and what to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from cluster.errors import ConfigError
from tests.support.deployments import COMPOSE, HUB, OWN, SSHD, TANGO
from workloads import readers
from workloads.build import deployment

WRONG = yaml.safe_load((Path(__file__).parent / "wrong.yaml").read_text())
SAMPLES = {
    "mydeploy": ("myDeploy.py", SSHD),
    "tango": ("t.yaml", TANGO),
    "compose": ("c.yaml", COMPOSE),
    "own": ("o.yaml", OWN),
}


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        deployment(readers.read(path))
    return str(caught.value)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w['of']}: {w['new'][:40]}")
def test_a_wrong_file(tmp_path: Path, wrong: dict[str, str]) -> None:
    name, text = SAMPLES[wrong["of"]]
    assert text.count(wrong["old"]) == 1
    changed = text.replace(wrong["old"], wrong["new"])
    (tmp_path / name).write_text(changed)
    (tmp_path / "web.env").write_text("A=b\n")
    place = f"{tmp_path}/{name}"
    if "line" in wrong:
        lines = [n for n, line in enumerate(changed.splitlines(), 1) if wrong["line"] in line]
        place += f":{lines[0]}"
    if "key" in wrong:
        place += f": {wrong['key']}"
    told = refused(tmp_path / name)
    assert place in told
    assert wrong["says"] in told


def test_sixty_and_more_are_tried() -> None:
    assert len(WRONG) >= 60


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = OWN.replace("replicas: 2", "replicas: 0").replace("memory: 4g", "memory: lots")
    (tmp_path / "o.yaml").write_text(text)
    told = refused(tmp_path / "o.yaml")
    assert "o.yaml:3: replicas" in told
    assert "containers.server.resources.memory" in told


def test_nothing_of_a_file_is_executed(tmp_path: Path) -> None:
    (tmp_path / "myDeploy.py").write_text(f"open('{tmp_path}/ran', 'w')\n{HUB}")
    refused(tmp_path / "myDeploy.py")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("chosen", ["../..", "/etc", "a/../../b", "link"])
def test_no_folder_outside_is_chosen(tmp_path: Path, chosen: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "myDeploy.py").write_text(HUB)
    project = tmp_path / "project"
    (project / "Deployments").mkdir(parents=True)
    (project / "Deployments" / "link").symlink_to(outside)
    (project / "folder.py").write_text(f'FOLDER="{chosen}"\n')
    told = refused(project)
    assert f"{project}/folder.py:1: FOLDER" in told


def test_a_link_to_a_file_of_somebody_else_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:secret-word")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "myDeploy.py").symlink_to(secret)
    told = refused(folder)
    assert "a link, which is not followed" in told
    assert "secret-word" not in told


def test_a_pipe_and_a_huge_file_keep_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "myDeploy.py")
    assert "not a plain file" in refused(tmp_path / "myDeploy.py")
    with (tmp_path / "big.yaml").open("wb") as big:
        big.truncate(1 << 30)
    assert "more than 1 MB" in refused(tmp_path / "big.yaml")


@pytest.mark.parametrize("content", [b"", b"  \n", b"name: \xff\xfe", b"- a\n- b\n", b"5"])
def test_what_is_no_deployment_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    assert f"{tmp_path}/x.yaml" in refused(tmp_path / "x.yaml")


def test_a_folder_with_none(tmp_path: Path) -> None:
    assert "myDeploy.py" in refused(tmp_path)
    (tmp_path / "folder.py").write_text("# nothing\n")
    assert 'no line FOLDER="NAME"' in refused(tmp_path)
