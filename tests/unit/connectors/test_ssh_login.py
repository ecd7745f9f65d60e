"""Connecting by SSH to a real server: which hosts are trusted, who is let in, and what is said."""

from __future__ import annotations

import shlex
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.connectors.ssh_config import Target
from cluster.connectors.ssh_hostkeys import UnknownHostError
from cluster.errors import DeadlineError, NodeError
from tests.support.fake_sshd import FakeSshd
from tests.support.logins import SECONDS, known, log_in, options

RELAY = """
import socket, sys, threading
far = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def back():
    while data := far.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
threading.Thread(target=back, daemon=True).start()
while data := sys.stdin.buffer.raw.read(65536):
    far.sendall(data)
"""


@contextmanager
def greeting(text: bytes | None) -> Iterator[int]:
    """Give the port of a server that greets with `text` and hangs up; None: it says nothing."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            if text is None:
                ended.wait(SECONDS)
            else:
                connection.sendall(text)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        ended.set()
        thread.join()


def test_a_known_host_lets_a_known_key_in(target: Target) -> None:
    log_in(target)


def test_a_host_whose_key_is_not_known_is_refused_with_the_line_that_would_pin_it(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    known(target).write_text("")
    with pytest.raises(UnknownHostError) as refused:
        log_in(target)
    error = refused.value
    key = keys["host"].with_suffix(".pub").read_text().split()[1]
    assert "c01: the SSH host key of 127.0.0.1 is not known" in error.what
    assert error.shown in error.what
    assert error.line == f"[127.0.0.1]:{sshd.port} ssh-ed25519 {key}\n"
    assert f"echo {shlex.quote(error.line.strip())} >> {known(target)}" in error.hint
    assert error.file == str(known(target))


def test_a_host_that_is_not_known_gets_no_login_and_is_not_added(
    target: Target, sshd: FakeSshd
) -> None:
    known(target).write_text("")
    with pytest.raises(UnknownHostError):
        log_in(target, password="hunter2")
    assert (sshd.offered, sshd.passwords) == ([], 0)
    assert known(target).read_text() == ""


def test_a_host_whose_key_has_changed_is_refused(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["other-host"].with_suffix(".pub").read_text().split()
    known(target).write_text(f"[127.0.0.1]:{sshd.port} {kind} {key}\n")
    with pytest.raises(NodeError, match="is not the one in known_hosts") as refused:
        log_in(target)
    assert f"ssh-keygen -f {known(target)} -R '[127.0.0.1]:{sshd.port}'" in refused.value.hint
    assert sshd.offered == []


def test_a_host_that_is_known_without_its_port_is_trusted(
    target: Target, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["host"].with_suffix(".pub").read_text().split()
    known(target).write_text(f"127.0.0.1 {kind} {key}\n")
    log_in(target)


def test_an_alias_is_looked_up_in_place_of_the_address(
    target: Target, keys: Mapping[str, Path]
) -> None:
    kind, key, _ = keys["host"].with_suffix(".pub").read_text().split()
    known(target).write_text(f"first-node {kind} {key}\n")
    log_in(options(target, hostkeyalias="first-node"))


def test_an_alias_that_is_not_known_is_what_would_be_pinned(target: Target) -> None:
    with pytest.raises(UnknownHostError) as refused:
        log_in(options(target, hostkeyalias="first-node"))
    assert refused.value.line.startswith("first-node ssh-ed25519 ")
    assert "echo 'first-node ssh-ed25519 " in refused.value.hint


def test_an_sshd_with_other_ciphers_is_told_what_to_allow(target: Target, sshd: FakeSshd) -> None:
    sshd.ciphers = ("chacha20-poly1305@openssh.com",)
    with pytest.raises(NodeError, match="offers only such ciphers as SKP does not have") as told:
        log_in(target)
    assert "Ciphers +aes256-gcm@openssh.com" in told.value.hint


def test_a_key_that_is_refused_is_named_and_tried_once(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    with pytest.raises(NodeError, match=r"login as ann@.* is refused") as refused:
        log_in(options(target, identityfile=keys["bob"]))
    assert f"keys offered: {keys['bob']}" in refused.value.what
    assert "ssh -l ann -v c01 true" in refused.value.hint
    assert len(sshd.offered) == 1


def test_without_any_key_is_told_what_to_make(target: Target) -> None:
    with pytest.raises(NodeError, match="there is no key to log in as ann@") as refused:
        log_in(options(target, identityfile="/nowhere/id_ed25519"))
    assert "no file /nowhere/id_ed25519" in refused.value.what


def test_a_key_with_a_passphrase_wants_an_agent(target: Target, keys: Mapping[str, Path]) -> None:
    with pytest.raises(NodeError, match="the key needs a passphrase") as refused:
        log_in(options(target, identityfile=keys["locked"]))
    assert f"ssh-add {keys['locked']}" in refused.value.hint


def test_a_password_is_tried_where_no_key_is_accepted(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    sshd.password = "hunter2"
    log_in(options(target, identityfile=keys["bob"]), password="hunter2")
    assert (len(sshd.offered), sshd.passwords) == (1, 1)


def test_a_password_is_not_tried_where_a_key_is_accepted(target: Target, sshd: FakeSshd) -> None:
    log_in(target, password="hunter2")
    assert sshd.passwords == 0


def test_a_wrong_password_is_tried_once_and_not_told(
    target: Target, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    with pytest.raises(NodeError, match="is refused") as refused:
        log_in(options(target, identityfile=keys["bob"]), password="hunter2")
    assert sshd.passwords == 1
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"Not allowed at this time\r\n", "sshd refuses this machine's address for a while"),
        (b"Exceeded MaxStartups\r\n", "sshd has too many logins under way"),
        (b"", "closes the connection before SSH begins"),
    ],
)
def test_an_sshd_that_will_not_talk_is_understood(target: Target, said: bytes, told: str) -> None:
    with greeting(said) as port, pytest.raises(NodeError, match=told):
        log_in(options(target, port=str(port)))


def test_an_sshd_that_says_nothing_is_given_up_at_the_deadline(target: Target) -> None:
    with (
        greeting(None) as port,
        pytest.raises(DeadlineError, match=f"127.0.0.1:{port} does not answer within 0 s"),
    ):
        log_in(options(target, port=str(port)), seconds=0.1)


def test_a_port_where_nobody_listens_is_told(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NodeError, match="can't be reached: Connection refused"):
        log_in(options(target, port=str(port)))


def test_a_proxy_command_leads_to_the_host(target: Target, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    log_in(options(target, proxycommand=f"{sys.executable} -S {relay} %p"))


def test_a_proxy_command_that_leads_nowhere_is_told(target: Target) -> None:
    with pytest.raises(NodeError, match=r"c01: .*ann@127"):
        log_in(options(target, proxycommand="exit 1"), seconds=0.3)
