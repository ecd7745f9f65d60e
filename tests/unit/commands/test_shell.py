"""Shells and commands on nodes: the words that a process becomes, and what all nodes say."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.commands import shell
from cluster.connectors import local
from cluster.connectors.shell import CLIENT
from cluster.connectors.ssh_config import resolve
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import done, fake_fleet

TERMINAL = SimpleNamespace(isatty=lambda: True)
PIPE = SimpleNamespace(isatty=lambda: False)


@pytest.fixture(params=[TERMINAL, PIPE], ids=["terminal", "pipe"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(shell, "sys", SimpleNamespace(stdin=request.param, stdout=TERMINAL))
    return request.param is TERMINAL


def test_a_command_runs_on_all_nodes_within_its_deadline() -> None:
    fleet = fake_fleet("c01", "c02", "c03", unreachable=["c03"])
    fleet.connections["c01"].on_run("uptime", done(0, "up"))
    fleet.connections["c02"].on_run("uptime", done(3, stderr="no"))
    heard: list[tuple[str, str]] = []
    found = shell.everywhere(fleet, "uptime", 7, lambda name, line: heard.append((name, line)))
    assert sorted(heard) == [("c01", "up"), ("c02", "no")]
    assert {name: d.exit_code for name, d in found.values.items()} == {"c01": 0, "c02": 3}
    assert fleet.connections["c01"].commands[0].deadline == 7


def test_on_this_machine_docker_is_run_itself(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(local, "is_this_machine", lambda address: address == "10.1.0.2")
    host, settings = cluster.wanted.inventory.host("c02"), cluster.wanted.settings
    words = shell.interactive(host, settings, "jupyter-skp", ("sh", "-c", "ls /root"))
    flag = "-it" if terminal else "-i"
    assert words == [*CLIENT, "exec", flag, "jupyter-skp", "sh", "-c", "ls /root"]


def test_elsewhere_ssh_runs_it_and_asks_for_nothing(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terminal: bool
) -> None:
    monkeypatch.setattr(local, "is_this_machine", lambda _: False)
    host, settings = cluster.wanted.inventory.host("c02"), cluster.wanted.settings
    words = shell.interactive(host, settings, "jupyter-skp", ("sh", "-c", "ls '/root'"))
    *ssh, name = resolve(host, settings).arguments
    assert words[: len(ssh)] == ssh
    assert words[len(ssh)] == ("-t" if terminal else "-T")
    assert words[-3:-1] == ["--", name]
    inner = f"{shlex.join(CLIENT)} exec {'-it' if terminal else '-i'}"
    assert "RemoteCommand=none" in words
    assert words[-1] == f"""{inner} jupyter-skp sh -c 'ls '"'"'/root'"'"''"""
    assert "BatchMode=yes" in words
