"""Deployments by git push: real git over real SSH, whole or not at all, and nobody else's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.accounts import Env
from tests.support.confined import check_confined
from tests.support.data_volumes import until
from tests.support.deployed import clear
from tests.support.lab import on, skp
from tests.support.pushes import (
    HOST,
    MOST,
    PORT,
    SERVICES,
    Clone,
    begun,
    end,
    file,
    key,
    said,
    says,
    serve,
    settings,
    ssh,
    there,
)

NOBODYS_PROJECT = "elsewhere"


@dataclass(frozen=True)
class Team:
    """A project with a repository: who owns it, who looks at it, and a key of nobody's."""

    env: Env
    owner: Clone
    looker: Path
    stranger: Path


@pytest.fixture(scope="module")
def team(running: Env, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The services, accounts with keys, and an empty repository."""
    folder = tmp_path_factory.mktemp("pushing")
    env = settings(folder, running)
    serve(env)
    for words in (
        *(("account.add", name) for name in ("pusher", "gazer")),
        *(("project.add", name, "-o", "pusher") for name in ("shipping", NOBODYS_PROJECT)),
        ("project.member-set", "shipping", "-a", "gazer", "-r", "viewer"),
        ("deploy.git-init", "shipping"),
    ):
        made = skp(*words, env=env)
        assert made.code == 0, made.all
    looker, stranger = key(folder, "gazer", env), key(folder, "stranger")
    yield Team(env, begun(folder / "clone", key(folder, "pusher", env)), looker, stranger)
    for name in ("shipping", NOBODYS_PROJECT):
        skp("project.rm", name, "--yes", env=env)
    for name in ("pusher", "gazer"):
        skp("account.rm", name, "--yes", env=env)
    end(env)


@pytest.fixture(scope="module")
def page(team: Team, image_of_deployments: None) -> Iterator[None]:
    """A page that a push has deployed."""
    team.owner.commit(file())
    pushed = team.owner.push()
    assert pushed.code == 0, pushed.all
    yield
    clear()


@dataclass(frozen=True)
class Deployed:
    """What a test begins with: the commit, which the clone is at, and what the page says."""

    commit: str
    word: str


@pytest.fixture
def deployed(team: Team, page: None) -> Deployed:
    """What is deployed, whatever tests came before."""
    commit = team.owner.done("ls-remote", "origin", "main").split()[0]
    team.owner.back(commit)
    until(lambda: said() != "", 20)
    return Deployed(commit, said())


def test_the_two_services_are_confined(team: Team) -> None:
    check_confined(*SERVICES)


def test_a_push_deploys_a_page_and_the_next_one_changes_it(team: Team, deployed: Deployed) -> None:
    earlier, *_ = skp("deploy.history", "web", "--json", env=team.env).json
    second = team.owner.commit(file(word="second"))
    planned = team.owner.push("-o", "plan", "origin", "HEAD:refs/heads/main")
    assert (planned.code, "planned, nothing changed" in planned.err) == (1, True)
    assert "change  shipping_web-0_main" in planned.err
    assert says(deployed.word)
    pushed = team.owner.push()
    assert (pushed.code, "10.99.0.1" in pushed.err) == (0, True), pushed.all
    assert says("second")
    again = team.owner.push("--force", "origin", f"{deployed.commit}:refs/heads/main")
    assert (again.code, "git revert" in again.err) == (1, True), again.all
    side = team.owner.push("origin", "HEAD:refs/heads/side")
    assert (side.code, "side: kept; main alone is deployed" in side.err) == (0, True)
    history = skp("deploy.history", "web", "--json", env=team.env).json
    assert [each["commit"] for each in history[:2]] == [second, earlier["commit"]]
    last, *_ = skp("deploy.pushes", "shipping", "--json", env=team.env).json
    assert (last["commit"], last["account"], last["ended"]) == (second, "pusher", "deployed")
    log = skp("deploy.pushes", "shipping", "-l", str(last["id"]), env=team.env)
    assert "change  shipping_web-0_main" in log.out


def test_folders_are_deployed_together_or_not_at_all(team: Team, deployed: Deployed) -> None:
    before = there(team.env)
    wrong = {"Deployments/other/myDeploy.py": 'POD_NAME="other"\nSHM_SIZE="much"\n'}
    team.owner.commit(wrong)
    refused = team.owner.push()
    assert "Deployments/other/myDeploy.py: no 'ENABLE_CD' in it" in refused.err
    team.owner.back(deployed.commit)
    broken = file(command=["sh", "-c", "echo it is broken; exit 3"])
    team.owner.commit({**file("new"), **broken})
    refused = team.owner.push()
    assert (refused.code, "refused: nothing was changed" in refused.err) == (1, True)
    assert "it is broken" in refused.err, "the last lines of its log are shown"
    assert there(team.env) == before
    until(lambda: says(deployed.word), 20)
    assert team.owner.done("ls-remote", "origin", "main").split()[0] == deployed.commit
    team.owner.back(deployed.commit)
    team.owner.commit({**file(word="third"), **file("new")})
    pushed = team.owner.push()
    assert pushed.code == 0, pushed.all
    assert sorted(there(team.env)) == ["new", "web"]
    team.owner.done("rm", "-rq", "Deployments/new")
    team.owner.commit({})
    left = team.owner.push()
    assert (left.code, "running on: shipping/new" in left.err) == (0, True), left.all
    assert sorted(there(team.env)) == ["new", "web"]


def test_nobody_else_pushes_and_git_alone_is_there(team: Team, deployed: Deployed) -> None:
    folder = team.owner.folder.parent
    team.owner.commit(file(word="taken"))
    for who, why in ((team.stranger, "Permission denied"), (team.looker, "gazer is viewer of")):
        refused = Clone(team.owner.folder, who).push()
        assert (refused.code, why in refused.err) == (128, True), refused.all
    looked = Clone(folder, team.looker).git("clone", "-q", f"ssh://git@{HOST}:{PORT}/shipping.git")
    assert looked.code == 0, looked.all
    for project in (NOBODYS_PROJECT, "nowhere"):
        other = team.owner.git("push", f"ssh://git@{HOST}:{PORT}/{project}.git", "HEAD:main")
        assert f"there is no repository {project} for you" in other.err
    for options, command in (
        ([], "sh -c id"),
        ([], "git-receive-pack 'shipping.git;id'"),
        ([], "git-upload-pack --upload-pack=id shipping.git"),
        ([], "git-receive-pack '../gate/shipping.git'"),
        (["-tt"], "id"),
        (["-W", "10.99.0.11:22"], ""),
    ):
        asked = [*ssh(team.owner.key), "-p", str(PORT), *options, f"git@{HOST}", *command.split()]
        done = subprocess.run(asked, capture_output=True, timeout=60, check=False, input=b"")
        assert (done.returncode != 0, b"uid=" in done.stdout) == (True, False), (command, done)
        assert b"SSH-2.0" not in done.stdout
    assert says(deployed.word)


def test_what_a_hostile_push_names_is_not_read(team: Team, deployed: Deployed) -> None:
    clone = team.owner
    compose = 'services: {web: {image: "x", env_file: "../../../../run/skp/id_ed25519"}}\n'
    link = clone.folder / "Deployments" / "linked"

    def linked() -> None:
        link.mkdir()
        (link / "myDeploy.py").symlink_to("/run/skp/host_key")

    def module() -> None:
        entry = f"160000,{deployed.commit},Deployments/module"
        clone.done("update-index", "--add", "--cacheinfo", entry)

    for prepare, files, why in (
        (linked, {}, "Deployments/linked/myDeploy.py: a link is not followed"),
        (lambda: link.symlink_to("/run/skp"), {}, "Deployments/linked: a link is not followed"),
        (None, {"folder.py": 'FOLDER="../../etc"\n'}, "folder.py:1: FOLDER: '../../etc' is no"),
        (None, {"Deployments/up/compose.yaml": compose}, "is not inside the folder"),
    ):
        if prepare:
            prepare()
        clone.commit(files)
        refused = clone.push()
        assert (refused.code, why in refused.err) == (1, True), (why, refused.all)
        assert "PRIVATE KEY" not in refused.all
        clone.back(deployed.commit)
    module()
    clone.done("commit", "-q", "-m", "a submodule")
    refused = clone.push()
    assert "Deployments/module: a submodule is not followed" in refused.err, refused.all
    clone.back(deployed.commit)
    for name in ("refs/heads/--upload-pack=id", "refs/hooks/pre-receive", "refs/heads/a'b"):
        refused = clone.push("origin", f"HEAD:{name}")
        assert (refused.code, "branches and tags are kept" in refused.err) == (1, True), refused.all
    assert "is not removed" in clone.push("origin", ":refs/heads/main").err
    _push_a_tree_that_names_git(clone)
    _push_too_much(clone)
    assert clone.done("ls-remote", "origin", "main").split()[0] == deployed.commit
    assert says(deployed.word)


def _push_a_tree_that_names_git(clone: Clone) -> None:
    blob = clone.done("hash-object", "-w", "--stdin", data=b"[core]\n\tpager = id\n")
    tree = clone.done("mktree", data=f"100644 blob {blob}\tconfig\n".encode())
    top = b"40000 .git\0" + bytes.fromhex(tree)
    words = ("hash-object", "-w", "-t", "tree", "--literally", "--stdin")
    commit = clone.done("commit-tree", clone.done(*words, data=top), "-m", "a tree")
    refused = clone.push("origin", f"{commit}:refs/heads/odd")
    assert (refused.code, "hasDotgit" in refused.err) == (1, True), refused.all


def _push_too_much(clone: Clone) -> None:
    before = on("c01", "sudo du -s /home/skp/skp/platform/git").out.split()[0]
    (clone.folder / "big").write_bytes(os.urandom(2 * MOST))
    clone.commit({})
    refused = clone.push("origin", "HEAD:refs/heads/big")
    assert (refused.code != 0, "maximum allowed size" in refused.err) == (True, True), refused.all
    after = on("c01", "sudo du -s /home/skp/skp/platform/git").out.split()[0]
    assert int(after) < int(before) + 512, "nothing of it is left"
