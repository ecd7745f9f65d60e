"""Repositories that deploy, in the lab: clones of accounts, and what a push says."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.accounts import Env
from tests.support.deployed import page, text
from tests.support.lab import ROOT, Ran, on, skp

HOST, PORT = "10.99.0.11", 2222
SERVICES = ("gate", "git")
MOST = 3 << 20  # bytes of a push


def settings(folder: Path, env: Env, *more: str) -> Env:
    """Return an environment in which pushes may be small ones alone, with further settings."""
    path = folder / "env.sh"
    shipped = (ROOT / "bin" / "env.sh").read_text()
    given = (f'GIT_MOST_PUSHED="{MOST >> 20}m"', *more)
    path.write_text("\n".join([shipped, *(f"export {each}" for each in given), ""]))
    path.chmod(0o600)
    return {**env, "SKP_ENV": str(path)}


def serve(env: Env, names: Sequence[str] = SERVICES) -> None:
    """Have the two services run, or one of them."""
    for name in names:
        for words in ((f"docker.image-build-{name}",), (f"docker.{name}-run",)):
            done = skp(*words, env=env)
            assert done.code == 0, done.all


def end(env: Env, names: Sequence[str] = SERVICES) -> None:
    """Take the services away, and what they kept."""
    for name in reversed(names):
        done = skp(f"docker.{name}-rm", "--yes", env=env)
        assert done.code == 0, done.all
    on("c01", "sudo rm -rf /home/skp/skp/platform/git /home/skp/skp/platform/gate")


def key(folder: Path, name: str, env: Env | None = None) -> Path:
    """Return a new key; an account's where `env` is given."""
    path = folder / name
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(words, check=True, timeout=30)
    if env is not None:
        added = skp("account.key-add", name, "-f", f"{path}.pub", env=env)
        assert added.code == 0, added.all
    return path


@dataclass(frozen=True)
class Clone:
    """A clone of a project's repository, and whose key pushes from it."""

    folder: Path
    key: Path
    project: str = "shipping"

    def git(self, *words: str, data: bytes = b"") -> Ran:
        """Run git in the clone."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder, env=environment(self.key), input=data,
            capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))

    def done(self, *words: str, data: bytes = b"") -> str:
        """Run git in the clone, which has to succeed, and return what it says."""
        ran = self.git(*words, data=data)
        assert ran.code == 0, ran.all
        return ran.out.strip()

    def commit(self, files: Mapping[str, str]) -> str:
        """Commit files, and return the commit."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.done("add", "-A")
        self.done("commit", "-q", "--allow-empty", "-m", "a change")
        return self.done("rev-parse", "HEAD")

    def push(self, *words: str) -> Ran:
        """Push to main, or as the words say."""
        return self.git("push", *(words or ("origin", "HEAD:refs/heads/main")))

    def back(self, commit: str) -> None:
        """Have the clone be at a commit, without what came after it."""
        self.done("reset", "-q", "--hard", commit)
        self.done("clean", "-fdq")


def begun(folder: Path, key: Path, project: str = "shipping") -> Clone:
    """Return a new, empty clone."""
    folder.mkdir()
    clone = Clone(folder, key, project)
    clone.done("init", "-q", "-b", "main")
    clone.done("remote", "add", "origin", f"ssh://git@{HOST}:{PORT}/{project}.git")
    return clone


def ssh(key: Path) -> list[str]:
    """Return how ssh is called with a key; the server's host key is taken as it is."""
    options = ("IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
    words = [word for option in options for word in ("-o", option)]
    return [
        "ssh",
        "-F",
        "none",
        "-i",
        str(key),
        "-o",
        "LogLevel=ERROR",
        "-o",
        "BatchMode=yes",
        *words,
    ]


def environment(key: Path) -> dict[str, str]:
    """Return git's environment: an author, and the key."""
    who = {f"GIT_{what}_{part}": f"{part}@example.com".lower()
           for what in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}  # fmt: skip
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    return {**os.environ, **who, **quiet, "GIT_SSH_COMMAND": " ".join(ssh(key))}


def file(name: str = "web", **more: Any) -> dict[str, str]:
    """Return the file of a deployment, in a folder of its name."""
    return {f"Deployments/{name}/deployment.yaml": text(name, **more)}


def there(env: Env) -> dict[str, int]:
    """Return the revision of each deployment that runs, as deploy.list tells it."""
    found = skp("deploy.list", "--json", env=env)
    assert found.code == 0, found.all
    return {row["deployment"]: row["revision"] for row in json.loads(found.out)}


def says(word: str) -> bool:
    """Whether the page of the deployment web says this, wherever it is now."""
    listed = skp("deploy.list", "--json")
    assert listed.code == 0, listed.all
    (row,) = (row for row in listed.json if row["deployment"] == "web")
    try:
        return page(row) == word
    except OSError:
        return False
