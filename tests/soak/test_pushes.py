"""Pushes at once, pushes that are killed, and an engine that ends under one: whole or undone."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.accounts import Env, serving
from tests.support.data_volumes import until
from tests.support.deployed import clear
from tests.support.lab import MINUTES, ROOT, on, skp
from tests.support.pushes import (
    Clone,
    begun,
    end,
    environment,
    file,
    key,
    says,
    serve,
    settings,
    there,
)

PUSHES, KILLS = 8, 10


@pytest.fixture(scope="module")
def env(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """Accounts, and the two services."""
    folder = tmp_path_factory.mktemp("pushes")
    with serving(folder / "hosts.json") as running:
        found = settings(folder, running)
        serve(found)
        yield found
        end(found)


@pytest.fixture(scope="module")
def clone(
    env: Env, image_of_deployments: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clone]:
    """A clone of a project whose page is deployed."""
    folder = tmp_path_factory.mktemp("clone")
    for words in (
        ("account.add", "pusher"),
        ("project.add", "shipping", "-o", "pusher"),
        ("deploy.git-init", "shipping"),
    ):
        made = skp(*words, env=env)
        assert made.code == 0, made.all
    found = begun(folder / "clone", key(folder, "pusher", env))
    found.commit(file())
    assert found.push().code == 0
    yield found
    clear()


def branch(clone: Clone) -> str:
    """Return the commit of main, as the server tells it."""
    return clone.done("ls-remote", "origin", "main").split()[0]


def settled(clone: Clone) -> bool:
    """Whether nothing is being brought or taken back."""
    found = on("c01", "sudo cat /home/skp/skp/platform/gate/shipping/state.json")
    return found.code == 0 and '"running": null' in found.out


def agrees(clone: Clone, words: dict[str, str]) -> None:
    """What the branch says is what runs; or the next push of the same commit is accepted."""
    until(lambda: settled(clone), 5 * MINUTES)
    listed = skp("deploy.git-list", "--json").json
    (deployed,) = (each["commit"] for each in listed if each["project"] == "shipping")
    until(lambda: says(words[deployed]), MINUTES)
    if branch(clone) != deployed:
        again = clone.push("origin", f"{deployed}:refs/heads/main")
        assert (again.code, "nothing to deploy" in again.err) == (0, True), again.all
    assert branch(clone) == deployed


def test_of_pushes_at_once_one_after_the_other_is_whole(clone: Clone, tmp_path: Path) -> None:
    before, words = branch(clone), dict[str, str]()
    others = []
    for number in range(PUSHES):
        clone.back(before)
        words[clone.commit(file(word=f"at-once-{number}"))] = f"at-once-{number}"
        others.append(clone.done("rev-parse", "HEAD"))
    with ThreadPoolExecutor(PUSHES) as pool:
        ended = list(
            pool.map(lambda commit: clone.push("origin", f"{commit}:refs/heads/main"), others)
        )
    assert [ran.code for ran in ended].count(0) == 1, [ran.all for ran in ended]
    refused = [ran.err for ran in ended if ran.code]
    assert all(
        "somebody else has pushed" in each or "fetch first" in each or "non-fast-forward" in each
        or "no continuation" in each for each in refused
    ), refused  # fmt: skip
    agrees(clone, words)


def test_a_client_that_is_killed_leaves_nothing_half_done(clone: Clone) -> None:
    at, words = branch(clone), dict[str, str]()
    clone.back(at)
    words[clone.commit(file(word="before"))] = "before"
    assert clone.push().code == 0
    for turn in range(KILLS):
        at = branch(clone)
        clone.back(at)
        commit = clone.commit({**file(word=f"killed-{turn}")})
        words[commit] = f"killed-{turn}"
        with subprocess.Popen(
            ["git", "push", "origin", "HEAD:refs/heads/main"],
            cwd=clone.folder, env=environment(clone.key), stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as pushing:  # fmt: skip
            time.sleep(random.uniform(0.2, 8))  # noqa: S311 - any moment
            os.killpg(pushing.pid, signal.SIGKILL)
        agrees(clone, words)
    ended = [each["ended"] for each in skp("deploy.pushes", "shipping", "--json").json[:KILLS]]
    assert "taken back" in ended, ended


def test_an_engine_that_ends_under_a_push_leaves_nothing_half_done(clone: Clone, env: Env) -> None:
    at, words = branch(clone), dict[str, str]()
    clone.back(at)
    words[clone.commit(file(word="standing"))] = "standing"
    assert clone.push().code == 0
    commit = clone.commit({**file(word="cut-off"), **file("further")})
    words[commit] = "cut-off"
    with subprocess.Popen(
        ["git", "push", "origin", "HEAD:refs/heads/main"],
        cwd=clone.folder, env=environment(clone.key), stderr=subprocess.PIPE, text=True,
    ) as pushing:  # fmt: skip
        assert pushing.stderr
        for line in pushing.stderr:
            if "bringing shipping/web" in line:
                break
        assert on("c01", "sudo kill $(pidof dockerd)").code == 0
        pushing.wait(3 * MINUTES)
    until(lambda: on("c01", "docker info").code == 0, 3 * MINUTES)
    # (An engine that begins on a busy machine may give up a container's network.)
    applied = skp("docker.apply", "mysql", "flask", "gate", "git", env=env)
    assert applied.code == 0, applied.all
    until(lambda: on("c01", "docker exec git-skp git-health").code == 0, 3 * MINUTES)
    agrees(clone, words)
    if "further" in there(env):
        assert branch(clone) == commit
    pushed = clone.push()
    assert pushed.code == 0, pushed.all
    until(lambda: says("cut-off"), MINUTES)
    assert sorted(there(env)) == ["further", "web"]


def test_the_gate_goes_back_to_what_was_pushed_where_that_is_wanted(clone: Clone, env: Env) -> None:
    """As `docker.apply` has it do where GIT_HOLDS says so."""
    clone.back(branch(clone))
    for word in ("one", "two"):
        clone.commit(file(word=word))
        assert clone.push().code == 0
    rolled = skp("deploy.rollback", "web", env=env)
    assert rolled.code == 0, rolled.all
    until(lambda: says("one"), MINUTES)
    held = on("c01", "docker exec gate-skp gate-hold shipping")
    assert (held.code, "is not what was pushed" in held.out) == (0, True), held.all
    until(lambda: says("two"), MINUTES)
    again = on("c01", "docker exec gate-skp gate-hold shipping")
    assert (again.code, "is not what was pushed" in again.out) == (0, False), again.all


def test_a_step_of_ci_plans_and_then_deploys(clone: Clone, env: Env, tmp_path: Path) -> None:
    told = skp("deploy.git-init", "shipping", "--json", env=env).json
    known = tmp_path / "known_hosts"
    known.write_text(f"{told['known_hosts']}\n")
    clone.back(branch(clone))
    clone.commit(file(word="from-ci"))
    given = {"DEPLOY_URL": told["address"], "DEPLOY_KEY": str(clone.key)}
    given |= {"DEPLOY_KNOWN_HOSTS": str(known)}
    step = str(ROOT / "volume" / "example" / "pushing" / "push.sh")
    for words in ([step, "plan"], [step]):
        done = subprocess.run(
            words, cwd=clone.folder, env={**environment(clone.key), **given},
            capture_output=True, text=True, timeout=5 * MINUTES, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    *_, last = (clone.folder / "plan.jsonl").read_text().splitlines()
    change, value = json.loads(last)["result"]["plan"]
    assert change == {"action": "change", "service": "shipping_web-0_main"}
    assert (value["field"], "from-ci" in value["new"]) == ("containers.main.command", True), value
    until(lambda: says("from-ci"), MINUTES)


def test_a_repository_is_moved_aside_and_made_anew(clone: Clone, env: Env) -> None:
    commit = branch(clone)
    assert skp("deploy.git-rm", "shipping", env=env).code == 2, "it asks"
    moved = skp("deploy.git-rm", "shipping", "--yes", env=env)
    assert moved.code == 0, moved.all
    gone = clone.push("origin", f"{commit}:refs/heads/main")
    assert "there is no repository shipping for you" in gone.err
    assert there(env), "what it has deployed runs on"
    made = skp("deploy.git-init", "shipping", "--json", env=env)
    assert made.json["address"].endswith("/shipping.git"), made.all
    again = clone.push("origin", f"{commit}:refs/heads/main")
    assert (again.code, "nothing to deploy" in again.err) == (0, True), again.all
    kept = on("c01", "sudo ls /home/skp/skp/platform/git/.removed").out
    assert kept.startswith("shipping-"), kept
