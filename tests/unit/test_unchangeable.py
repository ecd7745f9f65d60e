"""What a Swarm keeps for as long as it lives is told where the files say otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.model.state import State, SwarmNode
from cluster.model.unchangeable import rejoin, warnings
from tests.support.described import described
from tests.support.fake_cluster import FakeCluster
from tests.support.swarm_plans import OUTSIDE, entry, member, state, swarm

HOSTS: dict[str, Any] = {
    "c01": {"ipv4": "10.0.0.1", "labels": [], "groups": ["master", "manager"]},
    "c02": {"ipv4": "10.0.0.2", "labels": [], "groups": ["manager"]},
    "c03": {"ipv4": "10.0.0.3", "labels": [], "groups": ["worker"]},
}
THERE = swarm(entry(1, "manager"), entry(2, "manager"), entry(3, "worker"))


def test_a_swarm_keeps_its_data_path_port(tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS, {"SKP_NET_PORT": "7789"})
    found = state(THERE, member(1, True), member(2, True), member(3))
    (told,) = warnings(cluster, found)
    assert "env.sh:2: SKP_NET_PORT: 7789 is for a Swarm that is begun" in told
    assert 'keeps 4789/udp: write export SKP_NET_PORT="4789", or make it anew' in told
    assert warnings(cluster, replace(found, swarm=replace(THERE, data_port=7789))) == []
    assert warnings(cluster, state(None, OUTSIDE, OUTSIDE, OUTSIDE)) == []


def test_a_swarm_is_begun_with_its_port_and_commands_tell_when_it_is_not_the_wanted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster(tmp_path, monkeypatch, SKP_NET_PORT="7789")
    assert cluster.run("docker.swarm-init") == 0
    assert cluster.data_port == 7789
    capsys.readouterr()
    assert cluster.run("docker.swarm-init") == 0
    assert "SKP_NET_PORT" not in capsys.readouterr().err
    cluster.data_port = 0  # what an engine says that was given none
    for words in (("docker.swarm-init",), ("docker.status", "jupyter")):
        cluster.run(*words)
        assert "keeps 4789/udp" in capsys.readouterr().err, words


def told(folder: Path, found: State) -> list[str]:
    return warnings(described(folder, HOSTS), found)


def whole() -> State:
    return state(THERE, member(1, True), member(2, True), member(3))


def at(found: State, name: str, address: str) -> State:
    """Return a state in which a node's engine says that it joined at another address."""
    node = found.nodes[name]
    joined = replace(node, membership=replace(node.membership, address=address))
    return replace(found, nodes={**found.nodes, name: joined})


def with_entry(found: State, changed: SwarmNode) -> State:
    assert found.swarm
    nodes = {**found.swarm.nodes, changed.id: changed}
    return replace(found, swarm=replace(found.swarm, nodes=nodes))


def test_a_member_with_another_address_than_hosts_json_says_has_to_join_anew(
    tmp_path: Path,
) -> None:
    (warning,) = told(tmp_path, at(whole(), "c03", "10.0.0.99"))
    assert warning.startswith("c03: ")
    assert "says 10.0.0.3, the Swarm knows it as 10.0.0.99" in warning
    assert "./skp.py docker.node-rm -h c03, then ./skp.py docker.apply" in warning
    assert told(tmp_path, at(whole(), "c03", "10.0.0.3")) == []


def test_a_manager_is_looked_for_at_its_raft_address_too(tmp_path: Path) -> None:
    moved = replace(entry(2, "manager"), address="10.0.0.99")
    (warning,) = told(tmp_path, with_entry(whole(), moved))
    assert "c02: " in warning
    assert "10.0.0.99" in warning
    # Of a worker the managers see where its connection comes from.
    assert (
        told(tmp_path, with_entry(whole(), replace(entry(3, "worker"), address="10.0.9.9"))) == []
    )


def test_the_master_leaves_last_so_another_has_to_be_it_meanwhile(tmp_path: Path) -> None:
    (warning,) = told(tmp_path, at(whole(), "c01", "10.0.0.99"))
    assert "give the group master to another manager" in warning
    alone = described(tmp_path, {name: HOSTS[name] for name in ("c01", "c03")})
    assert "give the machine its old address beside the new one" in rejoin(
        alone.inventory, "c01", "c01"
    )


def test_a_node_that_the_swarm_hears_of_elsewhere_is_told(tmp_path: Path) -> None:
    found = state(THERE, member(1, True), member(2, True), off=("c03",))
    (warning,) = told(tmp_path, with_entry(found, replace(entry(3, "worker"), address="10.0.0.99")))
    assert "c03: it can't be reached at 10.0.0.3, and the Swarm hears of it at 10.0.0.99" in warning
    assert "docker.node-rm -h c03" in warning
    assert told(tmp_path, found) == []


def test_the_dead_entry_of_a_node_that_joined_anew_by_itself_is_told(tmp_path: Path) -> None:
    dead = replace(entry(9, "manager", "down"), hostname="c02", address="10.0.0.77")
    (warning,) = told(tmp_path, with_entry(whole(), dead))
    assert warning.startswith("c02: the Swarm has a second entry of this name, dead, at 10.0.0.77")
    assert "on c01, docker node demote id9 and docker node rm --force id9" in warning
