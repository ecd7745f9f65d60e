"""Taking images away: the named one everywhere, the superseded ones, never one that is used."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.lab import NODES, ROOT, on, skp

TINY = "localhost:5000/skp/tiny"
# An image of one file of random bytes, so that removing it frees just those.
IMPORT = (
    "f=$(mktemp -d) && head -c {size} /dev/urandom > $f/data && tar -c -C $f data | "
    "docker import {label} - {name} && rm -rf $f"
)
LABEL = "--change 'LABEL skp.image=tiny'"
MEGABYTES = 3


def make(node: str, name: str, label: str = LABEL) -> str:
    """Make an image on a node and return its id."""
    ran = on(node, IMPORT.format(size=MEGABYTES * 1_000_000, label=label, name=name))
    assert ran.code == 0, ran.all
    return ran.out.strip()


def push(name: str) -> None:
    ran = on("c01", f"docker push -q {name}")
    assert ran.code == 0, ran.all


def pull(node: str, name: str) -> None:
    ran = on(node, f"docker pull -q {name}")
    assert ran.code == 0, ran.all


def tags(node: str = "c03") -> list[str]:
    """Return the tags that a node's registry has."""
    answer = on(node, "curl -s localhost:5000/v2/skp/tiny/tags/list").out
    return sorted(json.loads(answer).get("tags") or [])


def has(node: str, image: str) -> bool:
    return on(node, f"docker image inspect {image}").code == 0


@pytest.fixture
def clean(platform: None) -> Iterator[None]:
    """Take away what a test has made."""
    yield
    for node in NODES:
        on(node, "docker rm -f tiny-user")
        for label in ("skp.image=tiny", "theirs"):
            on(node, f"docker images -qf label={label} | xargs -r docker rmi -f")
    for tag in tags():
        assert skp("docker.image-rm", "-i", "skp/tiny", "-t", tag, "--yes").code == 0


def test_the_tag_goes_from_the_registry_and_from_every_node(clean: None) -> None:
    identity = make("c01", f"{TINY}:1")
    push(f"{TINY}:1")
    pull("c02", f"{TINY}:1")
    dry = skp("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--dry", "--json")
    planned = [(s["action"], s["node"], s["name"]) for s in dry.json["steps"]]
    assert planned == [
        ("remove", "c01", f"{TINY}:1"),
        ("remove", "c02", f"{TINY}:1"),
        ("untag", "c01", "skp/tiny:1"),
    ]
    assert tags() == ["1"]
    ran = skp("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--yes")
    assert ran.code == 0, ran.all
    assert f"c02 {TINY}:1: {MEGABYTES} MB freed" in ran.out
    assert tags() == []
    assert not any(has(node, identity) for node in NODES)
    again = skp("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--yes")
    assert again.code == 1
    assert "there is no image skp/tiny:1" in again.err


def test_another_tag_of_the_same_image_stays(clean: None) -> None:
    identity = make("c01", f"{TINY}:1")
    on("c01", f"docker tag {TINY}:1 {TINY}:2")
    push(f"{TINY}:1")
    push(f"{TINY}:2")
    assert skp("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--yes").code == 0
    assert tags() == ["2"]
    assert has("c01", f"{TINY}:2")
    pull("c02", f"{TINY}:2")
    assert has("c02", identity)


def test_an_image_of_a_container_is_refused_with_container_and_node(clean: None) -> None:
    make("c01", f"{TINY}:1")
    push(f"{TINY}:1")
    pull("c02", f"{TINY}:1")
    assert on("c02", f"docker create --name tiny-user {TINY}:1 /data").code == 0
    ran = skp("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--yes")
    assert ran.code == 1
    assert "skp/tiny:1 is in use: tiny-user on c02" in ran.err
    assert tags() == ["1"]
    assert has("c01", f"{TINY}:1")


def test_nodes_leaves_the_registry_alone(clean: None) -> None:
    make("c01", f"{TINY}:1")
    push(f"{TINY}:1")
    pull("c02", f"{TINY}:1")
    ran = skp("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--nodes", "c02", "--yes")
    assert ran.code == 0, ran.all
    assert "the registry keeps skp/tiny:1" in ran.err
    assert (has("c01", f"{TINY}:1"), has("c02", f"{TINY}:1")) == (True, False)
    assert tags() == ["1"]


def test_without_a_terminal_it_has_to_be_said_that_it_is_meant(clean: None) -> None:
    make("c01", f"{TINY}:1")
    ran = skp("docker.image-rm", "-i", "skp/tiny", "-t", "1")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert has("c01", f"{TINY}:1")


def asked(answer: str) -> tuple[int, str]:
    """Answer the question of image-rm on a terminal; return exit code and screen."""
    terminal, other = pty.openpty()
    words = ["./skp.py", "docker.image-rm", "-i", "skp/tiny", "-t", "1"]
    process = subprocess.Popen(words, stdin=other, stdout=other, stderr=other, cwd=ROOT)
    os.close(other)
    shown, end = "", time.monotonic() + 30
    while "[y/N]" not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            shown += os.read(terminal, 4096).decode()
    os.write(terminal, f"{answer}\n".encode())
    code = process.wait(timeout=30)
    os.close(terminal)
    return code, shown


def test_on_a_terminal_it_asks(clean: None) -> None:
    make("c01", f"{TINY}:1")
    code, shown = asked("n")
    assert "skp/tiny:1 would be removed from c01" in shown
    assert code == 1
    assert has("c01", f"{TINY}:1")
    assert asked("y")[0] == 0
    assert not has("c01", f"{TINY}:1")


def test_an_image_in_use_by_ours_is_refused(platform: None) -> None:
    ran = skp("docker.image-rm", "-i", "skp/docker-ds", "-t", "latest", "--yes")
    assert ran.code == 1
    assert "skp/docker-ds:latest is in use: jupyter-skp on c01" in ran.err


def test_while_a_node_can_not_be_asked_the_registry_keeps_the_tag(
    clean: None, unreachable: Callable[[str], dict[str, str]]
) -> None:
    make("c01", f"{TINY}:1")
    push(f"{TINY}:1")
    words = ("docker.image-rm", "-i", "skp/tiny", "-t", "1", "--yes")
    ran = skp(*words, env=unreachable("c03"))
    assert ran.code == 1
    assert "! c03: " in ran.out
    assert "whether a container on c03 uses it can't be seen" in ran.out
    assert not has("c01", f"{TINY}:1")
    assert tags() == ["1"]
    assert skp(*words).code == 0
    assert tags() == []


def test_what_is_superseded_is_pruned_and_nothing_else(clean: None) -> None:
    assert skp("docker.image-prune").code == 0  # what earlier builds have left
    old = make("c01", f"{TINY}:1")
    push(f"{TINY}:1")
    for node in ("c02", "c03"):
        pull(node, f"{TINY}:1")
    assert on("c03", f"docker create --name tiny-user {TINY}:1 /data").code == 0
    new = make("c01", f"{TINY}:1")
    push(f"{TINY}:1")
    pull("c02", f"{TINY}:1")
    nameless = make("c02", "", "--change 'LABEL theirs=yes'")
    unpushed = make("c01", f"{TINY}:next")
    dry = skp("docker.image-prune", "--dry")
    assert f"c01 images: skp/tiny ({old.removeprefix('sha256:')[:12]}): 3 MB -> none" in dry.out
    assert has("c01", old)
    ran = skp("docker.image-prune")
    assert ran.code == 0, ran.all
    for node in ("c01", "c02"):
        assert f"+ {node} images: {MEGABYTES} MB freed" in ran.out
        assert not has(node, old)
        assert has(node, new)
    assert has("c03", old), "a container uses it, though it does not run"
    assert has("c02", nameless), "it is a stranger's"
    assert has("c01", unpushed), "it is nowhere else yet"
    again = skp("docker.image-prune")
    assert (again.code, again.out) == (0, "Nothing to change (3 unchanged).\n")
    assert skp("docker.apply", "--json").json["changed"] == 0


def test_the_build_cache_goes_only_when_asked_for(platform: None) -> None:
    assert "build cache" not in skp("docker.image-prune", "--dry").out
    assert "build cache" in skp("docker.image-prune", "--dry", "--build-cache").out


def test_without_a_registry_nothing_is_pruned(changed: None) -> None:
    on("c01", "docker stop registry-skp")
    ran = skp("docker.image-prune")
    assert ran.code == 1
    assert "no registry answers at localhost:5000" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "an image (-i) and its tag (-t) are needed"),
        (("-i", "A b", "-t", "1"), 2, "not an image's name"),
        (("-i", "skp/docker-ds", "-t", "latst", "--yes"), 1, "did you mean skp/docker-ds:latest?"),
    ],
)
def test_wrong_words_say_what_there_is(
    platform: None, words: tuple[str, ...], code: int, message: str
) -> None:
    ran = skp("docker.image-rm", *words)
    assert ran.code == code
    assert message in ran.err
