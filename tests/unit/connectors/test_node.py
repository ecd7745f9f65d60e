"""A node: commands, commands as root, and what its engine's errors become."""

from __future__ import annotations

from pathlib import Path

import docker.errors
import paramiko
import pytest
import requests
import urllib3.exceptions

from cluster.config.secrets import Secret
from cluster.connectors import node as nodes
from cluster.connectors import sudo
from cluster.connectors.local import LocalConnection
from cluster.connectors.node import Node
from cluster.connectors.shell import PATH
from cluster.connectors.ssh_config import Target
from cluster.errors import BrokenError, DeadlineError, NodeError
from tests.support.fakes import (
    SHORT,
    FakeConnection,
    content,
    done,
    events,
    fake_host,
    fake_node,
    half,
    refusal,
    reply,
)

Raised = tuple[Exception, type[NodeError], str]


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection("c01")


@pytest.fixture
def node(connection: FakeConnection) -> Node:
    return fake_node(connection)


def test_a_command_has_the_usual_deadline_unless_another_is_given(
    node: Node, connection: FakeConnection
) -> None:
    connection.on_run("true", done(3))
    assert node.run("true").exit_code == 3
    node.run("true", deadline=7)
    assert [ran.deadline for ran in connection.commands] == [SHORT.request, 7]


def test_a_command_as_root_is_one_word_of_a_shell(node: Node, connection: FakeConnection) -> None:
    connection.on_run("sudo", done(0, "out\n"))
    assert node.sudo("cat >'/a b' && echo $x", stdin=b"abc").text == "out"
    assert connection.wire == [
        """run: sudo -n sh -c 'cat >'"'"'/a b'"'"' && echo $x' < 3 bytes""",
    ]
    assert connection.commands[0].stdin == b"abc"


def test_a_command_as_root_that_fails_is_an_error(node: Node, connection: FakeConnection) -> None:
    connection.on_run("sudo", done(1, stderr="no space left"))
    with pytest.raises(NodeError, match="c01: a command as root failed: no space left") as failed:
        node.sudo("cat >/x")
    assert failed.value.hint == ""


SUDO_SAYS = {
    "sudo: a password is required": ("wants the SSH user's password", "host.install -p"),
    "sudo: interactive authentication is required": ("wants the SSH", "host.install -p"),
    "skp is not in the sudoers file.": ("does not let the SSH user be root", "usermod -aG sudo"),
    "sudo: I'm sorry skp. I'm afraid I can't do that": ("not let the SSH user", "usermod -aG sudo"),
    "Sorry, user skp is not allowed to execute '/bin/sh' as root on c01.": (
        "does not let the SSH user be root", "usermod -aG sudo",
    ),
    "sudo: 1 incorrect authentication attempt": ("does not take that password", "twice"),
    "sudo: sorry, you must have a tty to run sudo": (
        "(requiretty in sudoers)",
        """ssh -t c01 "echo 'Defaults !requiretty' | sudo tee /etc/sudoers.d/91-skp-tty\"""",
    ),
    "sh: 1: sudo: not found": ("there is no sudo", "apt-get install sudo"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "told"), SUDO_SAYS.items())
def test_why_sudo_refuses_is_told_with_what_to_type(
    node: Node, connection: FakeConnection, said: str, told: tuple[str, str]
) -> None:
    connection.on_run("sudo", done(1, stderr=said))
    with pytest.raises(NodeError) as failed:
        node.sudo("true")
    assert told[0] in failed.value.what
    assert told[1] in failed.value.hint


def test_a_warning_of_sudo_is_no_refusal(node: Node, connection: FakeConnection) -> None:
    connection.on_run("sudo", done(1, stderr="sudo: unable to resolve host c01\nno space left"))
    with pytest.raises(NodeError, match="no space left") as failed:
        node.sudo("true")
    assert failed.value.hint == ""


def test_root_gets_our_umask_and_path_whatever_sudoers_says() -> None:
    assert sudo.command("cat >/x").startswith(f"sudo -n sh -c 'umask 022; PATH={PATH};")


def test_the_engine_is_one_client_with_the_deadline_of_requests(
    node: Node, connection: FakeConnection
) -> None:
    connection.on("GET /info", reply({}))
    for _ in range(2):
        with node.talking() as engine:
            engine.info()
    assert node.engine is node.engine
    assert [request.timeout for request in connection.requests] == [SHORT.request] * 2


def test_a_deadline_of_its_own_ends_with_the_block(node: Node, connection: FakeConnection) -> None:
    connection.on("GET /info", reply({}))
    with pytest.raises(ZeroDivisionError), node.talking(seconds=9) as engine:
        engine.info()
        raise ZeroDivisionError
    with node.talking() as engine:
        engine.info()
    assert [request.timeout for request in connection.requests] == [9, SHORT.request]


RAISED: list[Raised] = [
    (docker.errors.APIError("x", explanation="no such"), NodeError, "c01: making x: no such"),
    (docker.errors.APIError("plain"), NodeError, "c01: making x: plain"),
    (requests.exceptions.ReadTimeout(), DeadlineError, f"does not answer within {SHORT.request} s"),
    (TimeoutError(), DeadlineError, f"does not answer within {SHORT.request} s"),
    (urllib3.exceptions.TimeoutError(), DeadlineError, f"does not answer within {SHORT.request} s"),
    (requests.exceptions.ConnectionError("refused"), BrokenError, "answers [(]refused[)]"),
    (urllib3.exceptions.ProtocolError("cut"), BrokenError, "answers [(]cut[)]"),
    (docker.errors.DockerException("odd"), BrokenError, "answers [(]odd[)]"),
    (docker.errors.StreamParseError("half"), BrokenError, "no Docker Engine answers"),
    (paramiko.SSHException("lost"), BrokenError, "making x: the connection broke: lost"),
    (EOFError("end"), BrokenError, "making x: the connection broke: end"),
    (OSError("reset"), BrokenError, "making x: the connection broke: reset"),
]


@pytest.mark.parametrize(("error", "kind", "message"), RAISED)
def test_what_goes_wrong_in_talking_is_an_error_of_the_node(
    node: Node, error: Exception, kind: type[NodeError], message: str
) -> None:
    with pytest.raises(NodeError, match=message) as told, node.talking("making x"):
        raise error
    assert type(told.value) is kind


def test_an_error_of_the_program_is_left_as_it_is(node: Node) -> None:
    with pytest.raises(KeyError), node.talking("making x"):
        raise KeyError


def test_the_deepest_cause_is_told(node: Node, connection: FakeConnection) -> None:
    connection.on("GET /info", half(reply({"Name": "c01"}), OSError("no route to host")))
    with pytest.raises(BrokenError, match="no route to host"), node.talking() as engine:
        engine.info()


def test_an_answer_before_the_connection_broke_is_not_its_cause(
    node: Node, connection: FakeConnection
) -> None:
    connection.on("POST /containers/x/start", refusal(500, "driver failed"))
    connection.on("GET /info", half(reply({"Name": "c01"}), OSError("no route to host")))
    with pytest.raises(BrokenError, match="no route to host"), node.talking() as engine:
        try:
            engine.start("x")
        except docker.errors.APIError:
            engine.info()


@pytest.mark.parametrize("answer", [half(events({}, {})), content(b"{broken")])
def test_a_stream_that_breaks_off_is_a_broken_connection(
    node: Node, connection: FakeConnection, answer: object
) -> None:
    connection.on("POST /images/create", answer)  # type: ignore[arg-type]
    with pytest.raises(BrokenError), node.talking("pulling") as engine:
        list(engine.pull_events("r/i", "1"))


def test_what_the_engine_refuses_is_told_in_its_words(
    node: Node, connection: FakeConnection
) -> None:
    connection.on("POST /containers/x/start", refusal(500, "driver failed"))
    with (
        pytest.raises(NodeError, match="c01: starting x: driver failed"),
        node.talking("starting x") as engine,
    ):
        engine.start("x")


def test_closing_a_node_ends_its_connection(node: Node, connection: FakeConnection) -> None:
    node.close()
    assert connection.closed


def test_this_machine_is_connected_to_without_ssh() -> None:
    node = nodes.connect(fake_host("c01"), None, SHORT)
    assert isinstance(node.connection, LocalConnection)
    assert node.name == "c01"


def test_another_machine_is_connected_to_by_ssh(
    target: Target, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(nodes.ssh, "SshConnection", lambda *words: given.extend(words))
    password = Secret("hunter2")
    nodes.connect(fake_host("c01"), target, SHORT, password)
    assert given == [target, SHORT.connect, password]
