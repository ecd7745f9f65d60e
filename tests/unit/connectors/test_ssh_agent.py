"""Keys that an agent holds: which of them are offered, and which agent is asked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.connectors.ssh import SshConnection
from cluster.connectors.ssh_auth import agent, chosen_of_agent
from cluster.connectors.ssh_config import Target
from cluster.errors import NodeError
from tests.support.eventually import eventually
from tests.support.fake_sshd import FakeSshd


@pytest.fixture
def socket(keys: Mapping[str, Path], tmp_path: Path) -> Iterator[Path]:
    """Give the socket of a real agent that holds Bob's and then Ann's key."""
    path = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as running:
        eventually(path.exists)
        subprocess.run(
            ["ssh-add", "-q", keys["bob"], keys["ann"]],
            env={**os.environ, "SSH_AUTH_SOCK": str(path)},
            check=True,
        )
        yield path
        running.terminate()


def with_agent(target: Target, socket: Path | str, **options: str) -> Target:
    changed = {"identityagent": str(socket), "identityfile": "/nowhere/id", **options}
    return replace(target, options={**target.options, **changed})


def log_in(target: Target) -> None:
    with closing(SshConnection(target, 5.0)) as connection:
        assert connection.run("echo in", deadline=5).text == "in"


def test_every_key_of_the_agent_is_offered(target: Target, socket: Path, sshd: FakeSshd) -> None:
    log_in(with_agent(target, socket))
    assert len(sshd.offered) == 2


def test_with_identities_only_one_key_is_offered(
    target: Target, socket: Path, sshd: FakeSshd, keys: Mapping[str, Path]
) -> None:
    log_in(with_agent(target, socket, identitiesonly="yes", identityfile=str(keys["ann"])))
    assert len(set(sshd.offered)) == 1


def test_a_key_of_the_agent_is_chosen_by_its_public_half(
    target: Target, socket: Path, keys: Mapping[str, Path]
) -> None:
    chosen = chosen_of_agent(
        with_agent(target, socket, identitiesonly="yes", identityfile=str(keys["ann"]))
    )
    assert chosen is not None
    assert chosen.get_base64() == keys["ann"].with_suffix(".pub").read_text().split()[1]


def test_no_key_is_chosen_that_the_agent_does_not_hold(
    target: Target, socket: Path, keys: Mapping[str, Path]
) -> None:
    only = {"identitiesonly": "yes", "identityfile": str(keys["locked"])}
    assert chosen_of_agent(with_agent(target, socket, **only)) is None


def test_no_key_is_chosen_of_an_agent_that_may_not_be_asked(
    target: Target, keys: Mapping[str, Path]
) -> None:
    only = {"identitiesonly": "yes", "identityfile": str(keys["ann"])}
    assert chosen_of_agent(with_agent(target, "none", **only)) is None


def test_an_agent_that_is_not_there_holds_no_keys(target: Target, tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="there is no key to log in"):
        log_in(with_agent(target, tmp_path / "none"))


@pytest.mark.parametrize("named", ["SSH_AUTH_SOCK", "$OTHER_AGENT"])
def test_the_environment_may_name_the_agent(
    target: Target, socket: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv(named.removeprefix("$"), str(socket))
    assert len(agent(with_agent(target, named)).get_keys()) == 2
