"""What git's container decides by itself: who may, which references, which files."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.receive import Repository, module

access, refs, files, keys = (module(name) for name in ("access", "refs", "files", "keys"))
OLD, NEW, NONE = "a" * 40, "b" * 40, "0" * 40
ROLES = {"vision": "owner", "data": "viewer"}


@pytest.mark.parametrize(
    ("command", "verb", "project"),
    [
        ("git-receive-pack '/vision.git'", "git-receive-pack", "vision"),
        ("git-upload-pack 'vision.git'", "git-upload-pack", "vision"),
        ("git-upload-pack '/data'", "git-upload-pack", "data"),
    ],
)
def test_git_is_run_on_a_project_of_the_account(command: str, verb: str, project: str) -> None:
    found = access.wanted(command, "kim", ROLES)
    assert (found.verb, found.folder) == (verb, f"/srv/git/{project}.git")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        *((each, "there is git here, and nothing else") for each in (
            "", "sh", "git-receive-pack", "git-receive-pack 'a' 'b'", "git-upload-archive 'vision'",
            "git-receive-pack '../vision.git'", "git-receive-pack '/srv/git/vision.git'",
            "git-receive-pack --upload-pack=id", "git-receive-pack 'vision.git;id'",
            "git-receive-pack 'vision.git\n'", "git-receive-pack '-x'", "git-receive-pack '",
        )),
        ("git-receive-pack '/other.git'", "there is no repository other for you"),
        ("git-receive-pack '/data.git'", "data, and may not push to it: members and owners may"),
    ],
)  # fmt: skip
def test_nothing_else_is_run(command: str, why: str) -> None:
    with pytest.raises(access.RefusedError, match=why):
        access.wanted(command, "kim", ROLES)


def test_a_repositorys_own_configuration_does_not_count() -> None:
    wanted = access.wanted("git-receive-pack 'vision'", "kim", ROLES)
    said = {"GIT_PROTOCOL": "version=2", "LD_PRELOAD": "/tmp/x", "GIT_DIR": "/etc"}
    found = access.environment(wanted, "kim", 1000, said)
    count = int(found["GIT_CONFIG_COUNT"])
    config = {found[f"GIT_CONFIG_KEY_{n}"]: found[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}
    assert config["core.hooksPath"] == "/opt/skp/hooks"
    assert (config["receive.fsckObjects"], config["receive.maxInputSize"]) == ("true", "1000")
    assert {"LD_PRELOAD", "GIT_DIR"} & set(found) == set()
    assert (found["GIT_PROTOCOL"], found["SKP_ACCOUNT"]) == ("version=2", "kim")
    other = access.environment(wanted, "kim", 1000, {"GIT_PROTOCOL": "version=2:x"})
    assert "GIT_PROTOCOL" not in other


def test_the_line_of_a_key_names_the_account_and_what_it_is_where() -> None:
    found = {"name": "kim", "projects": [{"name": "vision", "role": "owner"}]}
    assert keys.line(found, "ssh-ed25519", "AAAA") == (
        'restrict,command="/opt/skp/bin/git-serve kim vision:owner" ssh-ed25519 AAAA\n'
    )
    assert access.roles("data:viewer,vision:owner") == ROLES
    for wrong in (
        {"name": 'kim" x', "projects": []},
        {"name": "kim", "projects": [{"name": "a b", "role": "owner"}]},
        {"name": "kim", "projects": [{"name": "vision", "role": "root"}]},
    ):
        assert keys.line(wrong, "ssh-ed25519", "AAAA") == ""
    assert keys.line(found, "ssh-ed25519", "AAAA\nssh-rsa BBBB") == ""


@pytest.mark.parametrize(
    "name",
    [
        *("refs/heads/--upload-pack=x", "refs/heads/-x", "refs/heads/a/-b", "refs/notes/x", "HEAD"),
        *("refs/heads/a b", "refs/heads/a;b", "refs/heads/$(id)", "refs/heads/", "refs/heads/a'"),
        *("refs/heads/.hidden", "refs/hooks/pre-receive", "refs/heads/a//b", "refs/heads/\u00e9"),
    ],
)
def test_names_that_are_no_branches_of_ours_are_refused(name: str) -> None:
    with pytest.raises(refs.RefusedError, match="branches and tags are kept"):
        refs.parsed([f"{OLD} {NEW} {name}\n"])


def test_one_branch_is_deployed_and_the_others_are_kept() -> None:
    lines = [f"{OLD} {NEW} refs/heads/main\n", f"{NONE} {NEW} refs/tags/v1.0\n"]
    found = refs.parsed(lines)
    assert refs.deploying(found, "refs/heads/main") == found[0]
    assert refs.others(found, "refs/heads/main") == ["v1.0: kept; main alone is deployed"]
    assert refs.deploying(found[1:], "refs/heads/main") is None
    with pytest.raises(refs.RefusedError, match="main is what is deployed"):
        refs.deploying(refs.parsed([f"{OLD} {NONE} refs/heads/main"]), "refs/heads/main")


def entry(**more: Any) -> Any:
    return files.Entry(**{"mode": "100644", "id": NEW, "size": 1, "path": "x/a"} | more)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "120000"}, {"mode": "160000"}, {"mode": "040000"}, {"path": "x/../a"},
        {"path": "x//a"}, {"size": (1 << 20) + 1},
    ],
)  # fmt: skip
def test_what_is_no_plain_file_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(refs.RefusedError):
        files.checked([entry(), entry(**wrong)])


@pytest.mark.parametrize("path", [b"x\x1b]52;c;aGk=\x07", b"a\nb", b"\xff", "a\u202eb".encode()])
def test_a_path_commands_no_terminal(path: bytes) -> None:
    with pytest.raises(refs.RefusedError) as refused:
        files.entries(b"100644 blob " + NEW.encode() + b"       1\t" + path + b"\0")
    assert str(refused.value).isprintable()


def test_too_much_is_refused() -> None:
    assert len(files.checked([entry()] * files.MOST_FILES)) == files.MOST_FILES
    with pytest.raises(refs.RefusedError, match="500 files, 1 MB each, 8 MB in all"):
        files.checked([entry()] * (files.MOST_FILES + 1))
    with pytest.raises(refs.RefusedError, match="8 MB in all"):
        files.checked([entry(size=1 << 20)] * 9)


def test_folder_py_chooses_a_folder_below_deployments() -> None:
    assert files.choice('# a word\nFOLDER="test"\n') == "test"
    assert files.choice("FOLDER = test") == "test"
    for wrong in ("", 'FOLDER=""', 'FOLDER="../x"', 'FOLDER="a/b"', 'FOLDER="/etc"', "OTHER=1"):
        with pytest.raises(refs.RefusedError):
            files.choice(wrong)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository, which is the working folder too."""
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return sorted(tar.getnames())


def test_files_are_read_from_gits_objects(repository: Repository) -> None:
    for name in ("Deployments/web/myDeploy.py", "Deployments/api/a/b.env", "README.md"):
        repository.write(name, "text")
    repository.write("Deployments/NOTES", "no folder")
    commit = files.Commit(repository.commit())
    trees = commit.trees()
    assert list(trees) == ["api", "web"]
    expected = ["Deployments/api/a/b.env", "Deployments/web/myDeploy.py"]
    assert names(commit.archive(trees)) == expected
    repository.write("folder.py", 'FOLDER="web"\n')
    chosen = files.Commit(repository.commit())
    assert chosen.trees() == {"web": trees["web"]}
    assert names(chosen.archive(chosen.trees())) == expected[1:]


def test_a_commit_without_folders_has_none(repository: Repository) -> None:
    repository.write("README.md", "text")
    commit = files.Commit(repository.commit())
    assert commit.trees() == {}
    assert names(commit.archive({})) == []


def test_links_and_submodules_are_not_followed(repository: Repository) -> None:
    repository.write("Deployments/web/myDeploy.py", "text")
    first = repository.commit()
    (repository.folder / "Deployments" / "web" / "link").symlink_to("/etc/passwd")
    commit = files.Commit(repository.commit())
    with pytest.raises(refs.RefusedError, match="web/link: a link is not followed"):
        commit.archive(commit.trees())
    (repository.folder / "Deployments" / "web" / "link").unlink()
    (repository.folder / "Deployments" / "linked").symlink_to("/etc")
    with pytest.raises(refs.RefusedError, match="linked: a link is not followed"):
        files.Commit(repository.commit()).trees()
    (repository.folder / "Deployments" / "linked").unlink()
    repository.git("add", "-A")
    info = f"160000,{first},Deployments/module"
    repository.git("update-index", "--add", "--cacheinfo", info)
    repository.git("commit", "-q", "-m", "a submodule")
    with pytest.raises(refs.RefusedError, match="module: a submodule is not followed"):
        files.Commit(repository.git("rev-parse", "HEAD")).trees()


def test_folder_py_that_is_a_link_is_refused(repository: Repository) -> None:
    (repository.folder / "folder.py").symlink_to("/etc/passwd")
    with pytest.raises(refs.RefusedError, match=r"folder.py: it is no plain file"):
        files.Commit(repository.commit()).trees()


def test_what_comes_after_another_commit_is_its_continuation(repository: Repository) -> None:
    first, second = repository.commit(), repository.commit()
    assert files.is_ancestor(first, second)
    assert not files.is_ancestor(second, first)
    assert files.now("refs/heads/main") == second
    assert files.now("refs/heads/none") == ""
    assert files.head() == "refs/heads/main"


def test_a_session_is_watched_until_its_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    session = module("session")
    assert session._known(os.getpid())[1] == os.getppid()
    with subprocess.Popen(["sleep", "60"]) as process:
        monkeypatch.setattr(session, "_known", lambda _: ("sshd-session", 1))
        monkeypatch.setattr(session.os, "getppid", lambda: process.pid)
        found = session.watched()
        assert not session.is_gone(found)
        process.kill()
        process.wait(10)
        assert session.is_gone(found)
        os.close(found)
    monkeypatch.setattr(session, "_known", lambda _: ("bash", 1))
    assert session.watched() == -1
    assert not session.is_gone(session.descriptor({}))
