"""Wrong files as people write them: what is said, word for word, and that nothing is touched."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.options import Options
from cli.program import program
from cli.session import Session
from cluster.config import env_file as envfile
from cluster.config import settings
from tasks import ns
from tests.golden.case import ROOT, Case, cases

WRONG, RIGHT = cases("wrong"), cases("right")
# What of the cases is run by real processes too: the files as such, and each kind of content.
AS_PROCESSES = ("env-quote-missing", "env-port-twice", "hosts-two-masters", "secrets-mode")
SECRET = "hunter"  # every password in a case holds this
seen: list[str] = []
watching = [False]


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note what reaches outside this process; Python calls it for everything it does."""
    if not watching[0]:
        return
    if event == "socket.connect":
        seen.append(f"connects to {arguments[1]}")
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        words = arguments[1] if event == "subprocess.Popen" else arguments[:2]
        if not (isinstance(words, list) and words[0] == "bash" and words[4] == envfile._SCRIPT):
            seen.append(f"starts {words}")


sys.addaudithook(watch)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is taken for the project's."""
    folder = tmp_path / "project"
    monkeypatch.setattr(settings, "ROOT", folder)
    monkeypatch.setattr(envfile, "EVALUATION_SECONDS", 2)
    for key in ("SKP_ENV", "SKP_HOSTS"):
        monkeypatch.delenv(key, raising=False)
    return folder


@pytest.fixture
def touched() -> Iterator[list[str]]:
    """Return what reaches outside this process, as it happens."""
    seen.clear()
    watching[0] = True
    yield seen
    watching[0] = False


def typed(words: list[str]) -> int:
    """Run a command in this process; return its exit code."""
    with pytest.raises(SystemExit) as caught:
        program(ns).run(["skp.py", *words])
    return int(caught.value.code or 0)


def copied(project: Path) -> None:
    """Make a project out of its files: our code, and the environment that it runs in."""
    shutil.copy(ROOT / "skp.py", project)  # a link would lead it back here
    for name in (
        "images",
        "cli",
        "cluster",
        "cron",
        "hosts",
        "services",
        "tasks",
        "lab",
        "workloads",
        ".venv",
    ):
        (project / name).symlink_to(ROOT / name)
    for schema in (ROOT / "etc").glob("*.schema.json"):
        shutil.copy(schema, project / "etc")


def contents(project: Path) -> dict[str, bytes]:
    """Return everything in a project by its path."""
    paths = [path for path in project.rglob("*") if path.is_file()]
    return {str(path.relative_to(project)): path.read_bytes() for path in paths}


def check(case: Case, said: str) -> None:
    """Compare what was said with what the case expects, and with what any message has to hold."""
    if os.environ.get("SKP_GOLDEN") == "write":
        case.rewrite(said)
        return
    assert said == case.sections["said"].text
    assert SECRET not in said
    where, _, what = said.partition(": ")[2].partition(": ")
    assert re.match(r"[\w./-]+(:\d+)?$", where), said
    assert "allowed:" in what or "\n  " in what, "it says neither what is allowed nor what to do"


@pytest.mark.parametrize("name", [name for name, case in WRONG.items() if not case.unreadable])
def test_what_is_wrong_is_told_and_nothing_is_touched(
    project: Path, touched: list[str], capfd: pytest.CaptureFixture[str], name: str
) -> None:
    case = WRONG[name]
    case.lay_out(project)
    before = contents(project)
    code = typed(case.command)
    output, said = capfd.readouterr()
    check(case, said.replace(f"{project}/", "").replace(str(project), "."))
    assert code == 2
    assert output == ""
    assert touched == []
    assert contents(project) == before


@pytest.fixture
def as_process(project: Path) -> Callable[[Case], subprocess.CompletedProcess[str]]:
    """Return what runs a case by a process of its own, without root's right to read anything."""

    def run(case: Case) -> subprocess.CompletedProcess[str]:
        case.lay_out(project)
        copied(project)
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
        return subprocess.run(
            [*drop, "./skp.py", *case.command],
            cwd=project, capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    "name", [*AS_PROCESSES, *(name for name, case in WRONG.items() if case.unreadable)]
)
def test_a_process_says_the_same(
    project: Path,
    as_process: Callable[[Case], subprocess.CompletedProcess[str]],
    name: str,
) -> None:
    case = WRONG[name]
    done = as_process(case)
    check(case, done.stderr.replace(f"{project}/", ""))
    assert done.returncode == 2
    assert done.stdout == ""
    assert (project / "etc" / "secrets.env").exists() == ("etc/secrets.env" in case.sections)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_understood(project: Path, touched: list[str], name: str) -> None:
    case = RIGHT[name]
    case.lay_out(project)
    found = Session(Options()).declared.alone()
    for key, value in json.loads(case.sections["values"].text).items():
        secret = key in found.settings.password_keys
        assert (found.secrets[key].reveal() if secret else found.settings.text(key)) == value
    assert found.inventory.warnings == ()
    assert touched == []


def test_what_is_right_goes_on_to_connect(
    project: Path, touched: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The proof that a connection would have been noticed."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    next(iter(RIGHT.values())).lay_out(project)
    shutil.copy(ROOT / "bin" / "env.sh", project / "bin")
    (project / ".lab").mkdir()
    config = f"Host *\n  HostName 127.0.0.1\n  Port {port}\n"
    (project / ".lab" / "ssh_config").write_text(config)
    assert typed(["docker.apply"]) == 1
    assert f"connects to ('127.0.0.1', {port})" in touched
    assert any(line.startswith("starts ['ssh'") for line in touched)


def test_there_are_enough_cases() -> None:
    assert len(WRONG) >= 60
