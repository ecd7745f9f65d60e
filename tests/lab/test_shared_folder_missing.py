"""The shared folder is not mounted on a node: nothing that lives on it writes to the local disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lab import container_ids, host_docker, on, skp

NODE, FOLDER = "c03", "/home/skp/skp/platform"


def in_node(command: str) -> str:
    done = host_docker("exec", NODE, "sh", "-c", command)
    assert done.code == 0, done.all
    return done.out


@pytest.fixture
def missing(changed: None) -> Iterator[None]:
    """Leave what is beneath the mount after nfs.mount-skp: an empty folder, closed to root too."""
    in_node(f"docker stop registry-skp && mount -t tmpfs -o ro,mode=755 none {FOLDER}")
    yield
    in_node(f"umount {FOLDER}")


@pytest.mark.parametrize("lost", ["", "docker rm -f registry-skp"], ids=["stopped", "removed"])
def test_the_registry_is_not_started_without_its_folder(missing: None, lost: str) -> None:
    if lost:
        on(NODE, lost)
    before = container_ids(("c01", "c02"))
    ran = skp("docker.apply")
    assert ran.code == 1
    assert f"{NODE} registry-skp" in ran.out, ran.all
    assert in_node("docker ps -q -f name=registry-skp") == ""
    assert in_node(f"ls -A {FOLDER}") == ""
    assert container_ids(("c01", "c02")) == before
    assert f"{FOLDER} is not the master's there" in ran.out
