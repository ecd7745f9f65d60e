"""The overlay networks' plan: made once, apart by purpose, never replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.model.cluster import Cluster
from cluster.model.item import Action
from cluster.model.layout import Layout
from cluster.model.networks import networks
from cluster.plan.conflicts import conflicts
from cluster.plan.networks import plan_networks
from services import catalogue
from tests.support.described import NOTHING, described
from tests.support.swarm_plans import OUTSIDE, entry, member, state, swarm


def host(number: int, groups: str, *labels: str) -> dict[str, Any]:
    enabled = [{label: "enable"} for label in labels]
    return {"ipv4": f"10.99.0.{number}", "labels": enabled, "groups": groups.split()}


HOSTS = {
    "c01": host(1, "master manager", "mysql", "jupyter", "spark-master", "portainer"),
    "c02": host(2, "worker", "kafka", "zookeeper", "spark-worker"),
}
ALL = {
    "net-skp": "10.90.0.0/16",
    "net-skp-users": "10.91.0.0/20",
    "net-skp-databases": "10.91.16.0/20",
    "net-skp-agents": "10.91.32.0/20",
}


def planned(cluster: Cluster, there: dict[str, str], *encrypted: str) -> list[Any]:
    found = swarm(entry(1, "manager"), networks=there)
    found = replace(found, encrypted=frozenset(encrypted))
    return list(plan_networks(cluster, state(found, member(1, True), OUTSIDE, OUTSIDE)))


def test_each_purpose_has_a_network_with_addresses_of_its_own(tmp_path: Path) -> None:
    steps = planned(described(tmp_path, HOSTS), {})
    assert {step.name: step.subnet for step in steps} == ALL
    assert {step.action for step in steps} == {Action.CREATE}
    assert {s.action for s in planned(described(tmp_path, HOSTS), ALL)} == {Action.KEEP}


def test_the_engine_may_choose_the_addresses(tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS, {"SKP_NET_SUBNET": "", "SKP_NET_OTHERS": ""})
    assert {step.subnet for step in planned(cluster, {})} == {""}
    there = dict.fromkeys(ALL, "10.0.7.0/24")
    assert {s.action for s in planned(cluster, there)} == {Action.KEEP}


def test_without_a_swarm_they_wait(tmp_path: Path) -> None:
    steps = list(plan_networks(described(tmp_path, HOSTS), NOTHING))
    assert {(s.name, s.action) for s in steps} == {(name, Action.DEFER) for name in ALL}


def test_a_swarm_that_can_not_be_asked_is_not_taken_for_none(tmp_path: Path) -> None:
    off = state(None, OUTSIDE, OUTSIDE, off=("c01",))
    alone = state(None, OUTSIDE, member(2), OUTSIDE)
    for seen, *told in (
        (off, "the master can't be reached", "Bring c01 back."),
        (alone, "no manager of the Swarm answers", "Look at it: ssh c02 docker info"),
    ):
        steps: list[Any] = list(plan_networks(described(tmp_path, HOSTS), seen))
        assert {(s.action, s.reason, s.hint) for s in steps} == {(Action.DEFER, *told)}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("net-skp", 'Set SKP_NET_SUBNET="10.1.0.0/16", or remove'),
        ("net-skp-users", "Set SKP_NET_OTHERS back, or remove"),
    ],
)
def test_one_that_is_there_is_never_replaced(tmp_path: Path, name: str, hint: str) -> None:
    steps = planned(described(tmp_path, HOSTS), ALL | {name: "10.1.0.0/16"})
    (step,) = [step for step in steps if step.action is not Action.KEEP]
    assert (step.action, step.name) == (Action.BLOCK, name)
    assert "10.1.0.0/16" in step.reason
    assert step.hint.startswith(hint)


def test_one_that_is_there_is_not_taken_for_an_encrypted_one(tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS, {"SKP_NET_ENCRYPTED": "TRUE"})
    assert {step.encrypted for step in planned(cluster, {})} == {True}
    steps = planned(cluster, ALL, *(name for name in ALL if name != "net-skp-users"))
    (step,) = [step for step in steps if step.action is not Action.KEEP]
    assert (step.action, step.name) == (Action.BLOCK, "net-skp-users")
    assert 'SKP_NET_ENCRYPTED="FALSE"' in step.hint


@pytest.mark.parametrize(
    ("closed", "there", "name", "said"),
    [
        ({"theirs": "10.91.16.0/24"}, {}, "net-skp-databases", "the network theirs has addresses"),
        ({}, {"theirs": "10.90.7.0/24"}, "net-skp", "the network theirs has addresses"),
        ({"net-skp-users": "10.5.0.0/24"}, {}, "net-skp-users", "no container can be attached to"),
    ],
)
def test_one_that_the_swarm_could_not_give_its_addresses_is_not_made(
    tmp_path: Path, closed: dict[str, str], there: dict[str, str], name: str, said: str
) -> None:
    found = replace(swarm(entry(1, "manager"), networks=there), closed=closed)
    seen = state(found, member(1, True), OUTSIDE, OUTSIDE)
    steps: list[Any] = list(plan_networks(described(tmp_path, HOSTS), seen))
    (step,) = [step for step in steps if step.is_blocked]
    assert (step.action, step.name) == (Action.BLOCK, name)
    assert said in step.reason
    assert "ssh c01 docker network rm" in step.hint
    assert {s.action for s in steps if s is not step} == {Action.CREATE}


def test_addresses_of_another_kind_or_none_are_in_nobodys_way(tmp_path: Path) -> None:
    found = swarm(entry(1, "manager"), networks={"a": "", "b": "fd00::/64", "c": "10.92.0.0/24"})
    seen = state(found, member(1, True), OUTSIDE, OUTSIDE)
    steps = plan_networks(described(tmp_path, HOSTS), seen)
    assert {step.action for step in steps} == {Action.CREATE}


def test_a_cluster_of_an_earlier_version_keeps_its_one_network(tmp_path: Path) -> None:
    cluster = replace(described(tmp_path, HOSTS), layout=Layout.ONE_TREE)
    assert [(each.name, each.subnet) for each in networks(cluster)] == [("net-skp", "10.90.0.0/16")]
    made = [c for s in catalogue().values() for c in s.containers(cluster, NOTHING)]
    assert {name for c in made for name in c.overlays} == {"net-skp"}


def test_users_code_shares_no_network_with_what_it_has_no_business_with(tmp_path: Path) -> None:
    cluster = described(tmp_path, HOSTS)
    on: dict[str, set[str]] = {}
    for service in catalogue().values():
        for made in service.containers(cluster, NOTHING):
            on.setdefault(service.name, set()).update(made.overlays)
    users = on["jupyter"] | on["spark"]
    assert users == {"net-skp-users"}
    assert on["kafka"] == {"net-skp", *users}
    for name in ("mysql", "zookeeper", "portainer"):
        assert on[name], name
        assert not on[name] & users, name
    assert on["airflow"] == {"net-skp-users", "net-skp-databases"}
    assert not on["airflow"] & (on["zookeeper"] | on["portainer"])
    assert on["airflow"] & on["mysql"]


def overlaps(cluster: Cluster) -> list[str]:
    return [error.what.partition(": ")[2] for error in conflicts(cluster, [])]


def test_addresses_that_something_else_has_are_refused(tmp_path: Path) -> None:
    twice = described(tmp_path, HOSTS, {"SKP_NET_SUBNET": "10.91.16.0/24"})
    assert overlaps(twice) == [
        "SKP_NET_OTHERS: 10.91.0.0/16 holds addresses of SKP_NET_SUBNET (10.91.16.0/24)"
    ]
    nodes = described(tmp_path, HOSTS, {"SKP_NET_OTHERS": "10.99.0.0/16"})
    (what,) = overlaps(nodes)
    assert what.startswith("SKP_NET_OTHERS: 10.99.0.0/16 holds the own addresses of c01")
    assert not overlaps(replace(twice, layout=Layout.ONE_TREE))
    assert not overlaps(replace(nodes, layout=Layout.ONE_TREE))


def test_the_port_of_swarms_own_gossip_is_refused(tmp_path: Path) -> None:
    (what,) = overlaps(described(tmp_path, HOSTS, {"SKP_NET_PORT": "7946"}))
    assert what.startswith("SKP_NET_PORT: Swarm itself has 7946/udp; allowed: another port")
