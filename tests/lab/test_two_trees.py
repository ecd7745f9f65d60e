"""A cluster of an earlier version goes on as it is, and is moved when a person agrees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import one_tree
from tests.support.dying import MOST, dying
from tests.support.lab import NODES, on, skp
from tests.support.one_tree import HOME, PLATFORM

FILES = {"notes/mine": "mine\n", "var/old": "x\n"}


def users(node: str) -> set[str]:
    return set(on(node, "docker ps -q | xargs docker inspect -f '{{.Config.User}}'").out.split())


@pytest.fixture
def before(changed: None) -> Iterator[None]:
    """The cluster as an earlier version left it, with a user's files."""
    one_tree.lay_out()
    for name, text in FILES.items():
        path = f"{HOME}/{name}"
        made = on("c01", f"mkdir -p $(dirname {path}) && printf '{text}' >{path}")
        assert made.code == 0, made.all
    yield
    moved = skp("docker.apply", "--yes")
    assert moved.code == 0, moved.all
    on("c01", f"rm -rf {HOME}/notes; sudo rm -f {HOME}/var/old")


def test_nobody_agreed_so_it_goes_on_as_it_was_and_says_so(before: None) -> None:
    again = skp("docker.apply")
    assert (again.code, "Nothing to change" in again.out) == (0, True), again.all
    assert "laid out as by an earlier version" in again.err
    assert {user for node in NODES for user in users(node)} == {"1000:1000"}
    assert on("c01", f"ls {HOME}/var/registry").out.split() == ["docker"]
    assert "laid out as by an earlier version" in skp("docker.plan").err


def test_it_is_moved_though_every_step_kills_the_command(before: None) -> None:
    served, died = one_tree.served("c02"), 0
    for _ in range(MOST):
        # Once it is agreed to, cron's apply goes on with it too.
        ran = dying("steps", 1, "docker.apply", *(["--yes"] if not died else []))
        if ran.code == 0:
            break
        died += 1
    assert died >= 5, "agreed, folder, containers, data, remembered, made anew"
    assert "Nothing to change" in skp("docker.apply").out
    assert one_tree.served("c02") == served
    assert (
        on("c01", f"cat {HOME}/var/registry/*").out
        == f"What was here is in {PLATFORM}/registry now.\n"
    )
    assert on("c01", f"cat {HOME}/notes/mine {HOME}/var/old").out == "".join(FILES.values())
    assert on("c01", f"sudo find {HOME} -uid 1000").out == ""
    assert on("c01", f"sudo find {PLATFORM}/registry ! -uid 58011").out == ""
    assert users("c01") == {"58000:58000", "58011:58011"}
    # The SSH user may still change what users have.
    assert on("c01", f"echo more >>{HOME}/notes/mine; echo new >{HOME}/notes/new").code == 0
