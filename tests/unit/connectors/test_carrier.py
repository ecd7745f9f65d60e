"""What Fabric carries: as safe as other commands, with live output and an answer to a prompt."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.config.secrets import Secret
from cluster.connectors.base import MOST_OUTPUT, Answer
from cluster.connectors.local import LocalConnection
from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target
from cluster.connectors.ssh_hostkeys import Verify
from cluster.errors import BrokenError, DeadlineError, NodeError
from tests.support.fake_sshd import FakeSshd

ROOT = Path(__file__).parent.parent.parent.parent
SECONDS = 20.0
PROMPT = Answer("skp-1f:", Secret("hunter2"))
# Like sudo: asks up to three times, takes one password, and says what it was given on its output.
ASKS = """for try in 1 2 3; do
  printf 'skp-1f:' >&2
  IFS= read -r given || { echo "end after $try"; exit 1; }
  echo "given $given"
  [ "$given" != right ] || exit 0
done; exit 2"""


@pytest.fixture
def connection(target: Target) -> Iterator[SshConnection]:
    connection = SshConnection(target, SECONDS)
    yield connection
    connection.close()


@pytest.fixture(params=["ssh", "local"])
def either(request: pytest.FixtureRequest) -> SshConnection | LocalConnection:
    if request.param == "local":
        return LocalConnection("here")
    found: SshConnection = request.getfixturevalue("connection")
    return found


def test_output_errors_and_exit_code_are_kept_apart(
    either: SshConnection | LocalConnection,
) -> None:
    done = either.run_watched("echo out; echo bad >&2; exit 3", deadline=SECONDS)
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"out\n", b"bad\n")


def test_bytes_stay_bytes(connection: SshConnection) -> None:
    done = connection.run_watched("printf '\\377\\000\\303'", deadline=SECONDS)
    assert done.stdout == b"\xff\x00\xc3"


def test_nobody_sees_it_but_who_listens(
    connection: SshConnection, capfd: pytest.CaptureFixture[str]
) -> None:
    connection.run_watched("echo out; echo bad >&2", deadline=SECONDS)
    assert capfd.readouterr() == ("", "")


def test_lines_are_heard_while_the_command_runs(
    either: SshConnection | LocalConnection, tmp_path: Path
) -> None:
    heard: list[str] = []
    go_on = tmp_path / "go on"

    def hear(line: str) -> None:
        heard.append(line)
        go_on.touch()

    script = f"echo first; until [ -e '{go_on}' ]; do sleep 0.1; done; printf last >&2"
    either.run_watched(script, deadline=SECONDS, on_output=hear)
    assert heard == ["first", "last"]


def test_a_command_that_reads_finds_the_end(either: SshConnection | LocalConnection) -> None:
    assert either.run_watched("cat; echo end", deadline=SECONDS).text == "end"


def test_a_prompt_is_answered_once_and_never_again(
    either: SshConnection | LocalConnection, sshd: FakeSshd
) -> None:
    done = either.run_watched(ASKS, deadline=SECONDS, answer=PROMPT)
    assert done.text.splitlines() == ["given hunter2", "end after 2"]
    assert done.exit_code == 1


def test_what_does_not_ask_is_given_nothing(connection: SshConnection, sshd: FakeSshd) -> None:
    done = connection.run_watched("timeout 1 cat; echo $?", deadline=SECONDS, answer=PROMPT)
    assert done.text == "124"  # the time was up
    assert "hunter2" not in "".join(sshd.commands)


@pytest.mark.parametrize("answer", [None, PROMPT])
def test_the_deadline_ends_a_command(
    connection: SshConnection, sshd: FakeSshd, answer: Answer | None
) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="not done within 1 s: sleep 60"):
        connection.run_watched("sleep 60", deadline=1, answer=answer)
    assert time.monotonic() - begun < 30


def test_the_deadline_holds_before_a_command_has_begun(
    connection: SshConnection, sshd: FakeSshd
) -> None:
    sshd.starts = False
    with pytest.raises(DeadlineError):
        connection.run_watched("true", deadline=1)


@pytest.mark.parametrize("answer", [None, PROMPT])
def test_more_than_may_be_kept_ends_a_command(
    connection: SshConnection, sshd: FakeSshd, answer: Answer | None
) -> None:
    script = f"head -c {MOST_OUTPUT + (4 << 20)} /dev/zero; sleep 60"
    with pytest.raises(NodeError, match="prints more than 16 MB"):
        connection.run_watched(script, deadline=50, answer=answer)


def test_a_connection_that_breaks_is_told(connection: SshConnection) -> None:
    with pytest.raises(NodeError, match="the connection broke"):
        connection.run_watched("break", deadline=SECONDS)


def test_a_signal_is_told(connection: SshConnection) -> None:
    with pytest.raises(NodeError, match="a signal ended"):
        connection.run_watched("kill -9 $$", deadline=SECONDS)


def test_a_closed_connection_is_not_opened_again(connection: SshConnection, sshd: FakeSshd) -> None:
    connection.close()
    with pytest.raises((NodeError, BrokenError)):
        connection.run_watched("true", deadline=SECONDS)
    assert sshd.connections == 1


def test_it_uses_the_connection_that_is_verified(connection: SshConnection, sshd: FakeSshd) -> None:
    for _ in range(3):
        connection.run_watched("true", deadline=SECONDS)
    assert sshd.connections == 1
    assert isinstance(connection._client._policy, Verify)  # type: ignore[attr-defined]


def test_fabrics_own_files_and_variables_change_nothing(
    connection: SshConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FABRIC_RUN_ECHO", "1")
    (tmp_path / ".fabric.yaml").write_text("run:\n  echo: true\n  dry: true\n  env: {A: b}\n")
    assert connection.run_watched("echo out$A", deadline=SECONDS).text == "out"
    assert capfd.readouterr() == ("", "")


def test_what_listens_may_fail(connection: SshConnection) -> None:
    def hear(_: str) -> None:
        raise KeyError("heard")

    with pytest.raises(KeyError, match="heard"):
        connection.run_watched("echo out", deadline=SECONDS, on_output=hear)


WITHOUT = """
import sys, tempfile
from pathlib import Path
import skp
skp.prepare()
import pytest
from tests.support.fake_cluster import FakeCluster
from cli.program import program
from tasks import ns
program(ns).run(["skp.py", "--list"], exit=False)
with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
    cluster = FakeCluster(Path(folder), patch)
    code = cluster.run("docker.plan", "registry")
print([name for name in sys.modules if name.partition(".")[0] in ("fabric", "yaml")], code)
assert "cluster.connectors.ssh" in sys.modules
"""


def test_what_looks_at_nodes_loads_neither_fabric_nor_yaml() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[] 0", done.stdout + done.stderr
