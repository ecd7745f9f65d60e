"""A build or push that is broken off: nothing half is served, and the next one goes on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import NODES, ROOT, on, run, skp

SECONDS = 180
SMALL = "skp/small"
# What the tasks for images do, with the smallest image there is a recipe for.
BUILD_SMALL = f"""\
from cluster.model.spec import Image
from cli.command import Command
from cli.program import program
from tasks import ns
from tasks import ns

def build(s):
    "Build it."
    s.build(Image("{SMALL}", recipe="docker-registry"), {{}})

ns.collections["docker"].add_task(Command(build, name="image-build-small"))
program(ns).run(["skp.py", "docker.image-build-small"])
"""


def served(repository: str, tag: str) -> dict[str, str]:
    """Return what each node's registry answers for an image: 200, 404, or 000 for nothing."""
    ask = (
        "curl -s -o /dev/null -w '%{http_code}' -H 'Accept: application/vnd.oci.image.manifest.v1"
        "+json, application/vnd.docker.distribution.manifest.v2+json' "
        f"localhost:5000/v2/{repository}/manifests/{tag}"
    )
    return {node: on(node, ask).out for node in NODES}


def is_whole(tag: str) -> None:
    """The manifest is on every node, and all it names is in the registry."""
    assert set(served("skp/docker-ds", tag).values()) == {"200"}
    manifest = f"localhost:5000/v2/skp/docker-ds/manifests/{tag}"
    accept = "Accept: application/vnd.docker.distribution.manifest.v2+json"
    blobs = on("c02", f"curl -s -H '{accept}' {manifest} | grep -o 'sha256:[0-9a-f]*'").out.split()
    assert len(blobs) > 10
    head = "curl -sI -o /dev/null -w '%{http_code}\\n' localhost:5000/v2/skp/docker-ds/blobs/"
    answers = on("c02", "; ".join(f"{head}{blob}" for blob in blobs)).out.split()
    assert set(answers) == {"200"}


class New:
    """An image that was never built here: the first locale that has no tag yet."""

    def __init__(self) -> None:
        listed = on("c01", "curl -s localhost:5000/v2/skp/docker-ds/tags/list").out
        locales = (ROOT / "images" / "docker-ds" / "locales").read_text().split()[1:]
        tags = {f"broken-{locale.replace('@', '-')}": locale for locale in locales}
        self.tag = next(tag for tag in tags if f'"{tag}"' not in listed)
        self.words = ("docker.image-build-ds", f"-l={tags[self.tag]}", f"-t={self.tag}")


@pytest.fixture
def new(changed: None) -> Iterator[New]:
    made = New()
    yield made
    on("c01", f"docker rmi -f localhost:5000/skp/docker-ds:{made.tag}")


def broken_off(
    words: tuple[str, ...], when: str, deed: Callable[[subprocess.Popen[str]], object]
) -> tuple[int, str]:
    """Run a command; do the deed when a line it says matches. Returns its exit code and words."""
    child = subprocess.Popen(
        ["./skp.py", *words],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    said, done = "", False
    assert child.stdout is not None
    for line in child.stdout:
        said += line
        if not done and re.search(when, line):
            deed(child)
            done = True
    assert done, said
    return child.wait(SECONDS), said


@pytest.mark.parametrize("when", [r"^  \[", "pushed layer"], ids=["building", "pushing"])
def test_a_command_killed_leaves_nothing_half(new: New, when: str) -> None:
    code, _ = broken_off(new.words, when, lambda child: child.kill())
    assert code == -9
    # Nothing; or all of it, when the engine was just through.
    if set(served("skp/docker-ds", new.tag).values()) != {"404"}:
        is_whole(new.tag)
    again = skp(*new.words)
    assert again.code == 0, again.all
    is_whole(new.tag)


def test_a_registry_that_dies_is_named_and_the_next_build_goes_on(new: New) -> None:
    code, said = broken_off(new.words, r"^  \[", lambda _: on("c01", "docker kill registry-skp"))
    assert code == 1
    assert "pushing localhost:5000/skp/docker-ds" in said
    assert "./skp.py docker.registry-run" in said
    assert served("skp/docker-ds", new.tag) == {"c01": "000", "c02": "404", "c03": "404"}
    assert skp("docker.registry-run").code == 0
    again = skp(*new.words)
    assert again.code == 0, again.all
    is_whole(new.tag)


@pytest.fixture
def small_disk(changed: None) -> Iterator[str]:
    """A folder on c01 with room for 2 MB."""
    folder = "/mnt/small"
    on("c01", f"sudo mkdir -p {folder} && sudo mount -t tmpfs -o size=2m,mode=777 small {folder}")
    yield folder
    on("c01", f"docker rm -f registry-skp; sudo umount {folder}; docker rmi {SMALL}")


def test_a_full_disk_is_named_and_with_room_the_push_goes_on(
    small_disk: str, settings: Callable[..., dict[str, str]]
) -> None:
    env = settings(REGISTRY_VOLUME=small_disk)
    moved = skp("docker.registry-run", "--nodes", "c01", env=env)
    assert moved.code == 0, moved.all
    refused = run(sys.executable, "-c", BUILD_SMALL, seconds=SECONDS, env=env)
    assert refused.code == 1
    assert f"pushing localhost:5000/{SMALL}" in refused.all
    assert served(SMALL, "latest")["c01"] == "404"
    on("c01", f"sudo mount -o remount,size=200m {small_disk}")
    again = run(sys.executable, "-c", BUILD_SMALL, seconds=SECONDS, env=env)
    assert again.code == 0, again.all
    assert served(SMALL, "latest")["c01"] == "200"
