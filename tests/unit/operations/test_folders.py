"""Folders are made by a shell: these tests have it make them."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.model.spec import NOBODY, ROOT, Container, Image, Mount
from cluster.operations.container_body import config
from cluster.operations.folders import ids, preparing
from tests.support.scenes import CONTAINER

ME = f"{os.getuid()}:{os.getgid()}"


def prepared(*mounts: Mount, path: str = "") -> int:
    script = preparing(replace(CONTAINER, mounts=mounts, user=ME))
    return subprocess.run(
        ["sh", "-c", script], check=False, env={"PATH": f"{path}:{os.environ['PATH']}"}
    ).returncode


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert prepared(Mount(f"{tmp_path}/a/b c", "/data", create=True)) == 0
    assert (tmp_path / "a/b c").is_dir()


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir(mode=0o700)
    assert prepared(Mount(str(folder), "/data", create=True)) == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_is_not_ours_to_make_is_not_made(tmp_path: Path) -> None:
    own = Mount(f"{tmp_path}/own", "/data", create=True)
    assert prepared(own, Mount(f"{tmp_path}/theirs", "/other")) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_the_mountpoint_of_another_mount_inside_is_made_too(tmp_path: Path) -> None:
    outer = Mount(f"{tmp_path}/outer", "/data", read_only=True, create=True)
    assert prepared(outer, Mount(f"{tmp_path}/inner", "/data/deep/inner")) == 0
    assert (tmp_path / "outer/deep/inner").is_dir()


def test_a_folder_with_a_name_that_only_begins_alike_is_not_inside(tmp_path: Path) -> None:
    outer = Mount(f"{tmp_path}/outer", "/data", create=True)
    assert prepared(outer, Mount(f"{tmp_path}/other", "/database")) == 0
    assert list((tmp_path / "outer").iterdir()) == []


def test_a_folder_that_can_t_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert prepared(Mount(f"{tmp_path}/file/a", "/data", create=True)) != 0


def tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(("found", "mounted"), [("private", 2), ("shared", 0)])
def test_a_folder_whose_mounts_are_shared_is_on_a_shared_mount(
    tmp_path: Path, found: str, mounted: int
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    tool(tools, "findmnt", f"echo {found}")
    tool(tools, "mount", f'echo "$@" >>{tmp_path}/mounted')
    shared = Mount(f"{tmp_path}/a", "/data", propagation="rshared", create=True)
    assert prepared(shared, path=str(tools)) == 0
    noted = tmp_path / "mounted"
    lines = noted.read_text().splitlines() if noted.exists() else []
    assert lines == [f"--bind {tmp_path}/a {tmp_path}/a", f"--make-rshared {tmp_path}/a"][:mounted]


def test_who_owns_a_folder_is_the_mount_s_owner_or_else_the_user() -> None:
    mounts = (Mount("/a", "/b", create=True), Mount("/c", "/d", create=True, owner="5:6"))
    script = preparing(replace(CONTAINER, mounts=mounts, user="7"))
    assert "install -d -o 7 -g 7 /a" in script
    assert "install -d -o 5 -g 6 /c" in script


@pytest.mark.parametrize(("user", "expected"), [("1000", (1000, 1000)), ("5:6", (5, 6))])
def test_a_user_is_a_number_and_perhaps_a_group_s(user: str, expected: tuple[int, int]) -> None:
    assert ids(user) == expected


def test_root_is_what_is_said_and_never_what_is_left_out() -> None:
    assert config(replace(CONTAINER, user=ROOT), {})["User"] == "0:0"
    left_out = Container("c01", "x", "x", Image("skp/x"))
    assert config(left_out, {})["User"] == NOBODY
    with pytest.raises(ValueError, match="invalid literal"):
        ids("")
