"""Commands through logins that are no clean shell: what these print or set changes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.connectors import shell
from cluster.connectors.local import LocalConnection
from cluster.connectors.node import Node
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target
from cluster.errors import NodeError
from tests.support.fake_sshd import FakeSshd
from tests.support.fakes import SHORT, fake_host

SECONDS = 20.0
# Reads a line as fish, csh and bash alike do: one command of words, quoted by ' alone.
ALIEN = """
import os, re, sys
line = sys.argv[1]
words = re.findall(r"'[^'!\\n]*'|[^' ]+", line)
if "\\n" in line or line != " ".join(words) or words[0] != "exec":
    sys.exit("alien: Unsupported use of '='. In alien, please use 'set'.")
os.execv(words[1], [word.strip("'") for word in words[1:]])
"""
TALKS = 'echo Welcome; echo "setlocale: no such locale" >&2; set -x; eval "$1"'


@pytest.fixture
def connection(target: Target) -> Iterator[SshConnection]:
    connection = SshConnection(target, SECONDS)
    yield connection
    connection.close()


LOGINS = {
    "alien": (sys.executable, "-c", ALIEN),
    "talks": ("bash", "-c", TALKS, "bash"),
    "forced, and runs it": ("bash", "-c", 'SSH_ORIGINAL_COMMAND=$1; eval "$1"', "forced"),
    "dash": ("dash", "-c"),
}


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_an_answer_is_the_same_whatever_the_login_shell_is(
    connection: SshConnection, sshd: FakeSshd, login: tuple[str, ...]
) -> None:
    sshd.login = login
    command = 'for found in /no[0-9]*; do x=$found; done\ncat; echo "it\'s $x" >&2; exit 3'
    done = connection.run(command, stdin=b"in\n", deadline=SECONDS)
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"in\n", b"it's /no[0-9]*\n")


def test_lines_of_errors_are_the_commands_alone(connection: SshConnection, sshd: FakeSshd) -> None:
    sshd.login = LOGINS["talks"]
    seen: list[str] = []
    connection.run("echo a >&2", deadline=SECONDS, on_line=seen.append)
    assert seen == ["a"]


ODD = """umask 077
export LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 DOCKER_HOST=unix:///nowhere DOCKER_CONTEXT=other
export CDPATH=/ BASH_ENV=/nowhere POSIXLY_CORRECT=1 GREP_COLORS=x PATH=/odd:$PATH
export http_proxy=http://proxy:1 EMPTY= LINES='a
export HOME=b'
eval "$1" """


def test_the_environment_and_umask_are_ours(connection: SshConnection, sshd: FakeSshd) -> None:
    sshd.login = ("bash", "-c", ODD, "bash")
    told = connection.run("umask; env", deadline=SECONDS).text.splitlines()
    found = dict(line.partition("=")[::2] for line in told)
    assert told[0] == "0022"
    assert found["DOCKER_HOST"] == f"unix://{shell.SOCKET}"
    assert (found["LC_ALL"], found["http_proxy"]) == ("C.UTF-8", "http://proxy:1")
    assert found["PATH"].startswith(f"{shell.PATH}:")
    assert found["PATH"].partition(f"{shell.PATH}:")[2].startswith("/odd:")
    odd = {"LANG", "DOCKER_CONTEXT", "CDPATH", "BASH_ENV", "POSIXLY_CORRECT", "EMPTY", "LINES"}
    assert not odd & set(found)


def test_a_command_here_has_the_same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "LC_ALL", "CDPATH"):
        monkeypatch.setenv(name, "other")
    told = LocalConnection("here").run("umask; env", deadline=SECONDS).text.splitlines()
    assert told[0] == "0022"
    assert f"DOCKER_HOST=unix://{shell.SOCKET}" in told
    assert "LC_ALL=C.UTF-8" in told
    assert "CDPATH=other" not in told


REFUSALS = {
    "echo This account is currently not available.; exit 1": (
        '"This account is currently not available." (exit code 1)'
    ),
    "echo Backups only >&2; exit 7": '"Backups only" (exit code 7)',
    "exit 0": "nothing (exit code 0)",
    "exec yes": '"y y y ',
}


@pytest.mark.parametrize(("forced", "shown"), REFUSALS.items())
def test_a_login_that_runs_something_else_is_told(
    connection: SshConnection, sshd: FakeSshd, forced: str, shown: str
) -> None:
    sshd.login = ("bash", "-c", forced, "forced")
    with pytest.raises(NodeError, match="c01: the SSH login there does not run commands") as told:
        connection.run("true", deadline=SECONDS)
    assert shown in told.value.what
    assert "ForceCommand" in told.value.hint


def test_what_comes_back_of_the_command_itself_is_no_answer(
    connection: SshConnection, sshd: FakeSshd
) -> None:
    sshd.login = ("bash", "-c", 'echo "$1"; cat', "forced")
    with pytest.raises(NodeError, match="does not run commands"):
        connection.run("echo root", deadline=SECONDS)


def test_the_way_to_the_engine_by_a_program_bears_a_login_that_talks(
    target: Target, sshd: FakeSshd
) -> None:
    sshd.forwards, sshd.login = False, LOGINS["talks"]
    node = Node(fake_host("c01"), SshConnection(target, SECONDS), SHORT)
    with node.talking("asking", SECONDS) as client:
        assert client.info()["Asked"] == "GET /v1.44/info"
    node.close()


def test_the_way_to_the_engine_tells_of_a_forced_command(target: Target, sshd: FakeSshd) -> None:
    sshd.forwards, sshd.login = False, ("bash", "-c", "echo Backups only; exit 7", "forced")
    node = Node(fake_host("c01"), SshConnection(target, SECONDS), SHORT)
    with pytest.raises(NodeError, match="Backups only"), node.talking("asking", SECONDS) as client:
        client.info()
    node.close()


def test_a_script_that_came_in_part_is_not_run(tmp_path: Path) -> None:
    call = shell.Call(f"touch {tmp_path}/begun\ntouch {tmp_path}/more")
    half = call.script.partition(b"touch")[0] + f"touch {tmp_path}/begun\n".encode()
    subprocess.run(["sh", "-c", call.line], input=half, check=False)
    assert not (tmp_path / "begun").exists()
    subprocess.run(["sh", "-c", call.line], input=call.script, check=True, capture_output=True)
    assert (tmp_path / "begun").exists()


@pytest.mark.parametrize("sh", ["bash", "dash"])
def test_nothing_of_the_commands_own_input_is_taken(sh: str) -> None:
    call = shell.Call("read -r first; printf '%s\\n' \"$first\"; cat; printf '%s' ' \\a  b'")
    given = call.script + b"  one\\n\n" + b"x" * 100_000
    line = call.line.replace("/bin/sh", sh)
    done = subprocess.run([sh, "-c", line], input=given, check=True, capture_output=True)
    assert done.stdout == call.mark + b"one\\n\n" + b"x" * 100_000 + b" \\a  b"


def test_no_value_of_the_environment_is_on_a_command_line() -> None:
    call = shell.Call("echo hunter2")
    assert "hunter2" not in call.line
    assert call.mark not in call.script
    assert "http_proxy" not in call.line


@pytest.mark.parametrize("sh", [("bash", "--posix"), ("dash",)], ids=["bash", "dash"])
def test_every_sh_cleans_alike(sh: tuple[str, ...]) -> None:
    script = f"{shell.CLEAN}env"
    given = {"HOME": "/h", "PATH": "/bin:/usr/bin", "A": "a\nexport B=c", "LANG": "tr_TR.UTF-8"}
    done = subprocess.run(
        [*sh, "-c", script], env=given, capture_output=True, text=True, check=True
    )
    found = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    ours = {"HOME": "/h", "LC_ALL": "C.UTF-8", "DOCKER_HOST": f"unix://{shell.SOCKET}"}
    assert {name: found.get(name) for name in ours} == ours
    assert not {"A", "B", "LANG"} & set(found)
    assert done.stderr == ""
