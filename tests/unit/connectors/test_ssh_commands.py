"""Commands over a real SSH connection: what they give back, and how they fail."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest

from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_config import Target
from cluster.errors import BrokenError, DeadlineError, NodeError
from tests.support.eventually import eventually
from tests.support.fake_sshd import FakeSshd

SECONDS = 5.0


@pytest.fixture
def connection(target: Target) -> Iterator[SshConnection]:
    connection = SshConnection(target, SECONDS)
    yield connection
    connection.close()


def test_output_errors_and_exit_code_are_kept_apart(connection: SshConnection) -> None:
    done = connection.run("cat; echo bad >&2; exit 3", stdin=b"in", deadline=SECONDS)
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"in", b"bad\n")


def test_a_stream_is_read_to_its_end(connection: SshConnection) -> None:
    done = connection.run("cat", stdin=io.BytesIO(b"x" * 100_000), deadline=SECONDS)
    assert done.stdout == b"x" * 100_000


def test_a_command_without_input_reads_none(connection: SshConnection) -> None:
    assert connection.run("cat; echo end", deadline=SECONDS).text == "end"


def test_much_input_and_output_do_not_block_each_other(connection: SshConnection) -> None:
    much = b"x" * (1 << 20)
    assert connection.run("tee /dev/stderr", stdin=much, deadline=SECONDS).stderr == much


def test_a_command_may_end_without_reading_its_input(connection: SshConnection) -> None:
    assert connection.run("exit 4", stdin=b"x" * 100_000, deadline=SECONDS).exit_code == 4


def test_lines_of_errors_come_as_they_are_written(connection: SshConnection) -> None:
    seen: list[str] = []
    connection.run("echo a >&2; echo b >&2; echo out", deadline=SECONDS, on_line=seen.append)
    assert seen == ["a", "b"]


def test_commands_share_one_connection(connection: SshConnection, sshd: FakeSshd) -> None:
    for _ in range(3):
        connection.run("true", deadline=SECONDS)
    assert (sshd.connections, len(sshd.commands)) == (1, 3)


def test_a_command_is_given_up_at_its_deadline(connection: SshConnection) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="c01: not done within 0 s: sleep 20"):
        connection.run("sleep 20", deadline=0.1)
    assert time.monotonic() - begun < SECONDS


def test_a_node_too_slow_to_begin_it_is_given_up_likewise(
    connection: SshConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opens(_: paramiko.Transport, *__: Any, timeout: float, **___: Any) -> paramiko.Channel:
        threading.Event().wait(timeout)
        raise paramiko.SSHException("Timeout opening channel.")

    monkeypatch.setattr(paramiko.Transport, "open_channel", opens)
    with pytest.raises(DeadlineError, match="c01: not done within 0 s: true"):
        connection.run("true", deadline=0.05)


def test_a_long_command_is_cut_in_the_message(connection: SshConnection) -> None:
    with pytest.raises(DeadlineError) as late:
        connection.run(f"sleep 20 # {'x' * 100}", deadline=0.05)
    assert late.value.what.endswith(f"sleep 20 # {'x' * 46}...")


def test_the_connection_is_good_for_more_after_a_deadline(connection: SshConnection) -> None:
    with pytest.raises(DeadlineError):
        connection.run("sleep 20", deadline=0.05)
    assert connection.run("echo more", deadline=SECONDS).text == "more"


def test_a_command_that_is_never_started_is_given_up_too(
    connection: SshConnection, sshd: FakeSshd
) -> None:
    sshd.starts = False
    with pytest.raises(DeadlineError):
        connection.run("true", deadline=0.05)


def test_a_command_that_a_signal_ended_is_an_error(connection: SshConnection) -> None:
    with pytest.raises(NodeError, match=r"c01: a signal ended: kill -9 \$\$"):
        connection.run("kill -9 $$", deadline=SECONDS)


def test_a_connection_that_breaks_under_a_command_is_told_without_its_half_output(
    connection: SshConnection,
) -> None:
    with pytest.raises(NodeError, match="c01: the connection broke during: break"):
        connection.run("break", deadline=SECONDS)


def test_a_command_on_a_broken_connection_is_refused(
    connection: SshConnection, sshd: FakeSshd
) -> None:
    sshd.hang_up()
    transport = connection._client.get_transport()
    assert transport is not None
    eventually(lambda: not transport.is_active())
    with pytest.raises(BrokenError, match="c01: the connection broke"):
        connection.run("true", deadline=SECONDS)


def test_a_command_on_a_closed_connection_is_refused(connection: SshConnection) -> None:
    connection.close()
    connection.close()
    with pytest.raises(NodeError, match="c01: the connection is closed"):
        connection.run("true", deadline=SECONDS)


def test_a_node_that_falls_silent_is_noticed(connection: SshConnection) -> None:
    transport: Any = connection._client.get_transport()
    assert transport.packetizer._Packetizer__keepalive_interval == 10
