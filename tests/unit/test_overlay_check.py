"""host.check tries whether containers' packets get from node to node, and says which port it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.model.cluster import Cluster
from hosts.check.facts import Finding, parse
from hosts.check.overlay import lost_paths, members
from hosts.check.preflight import check
from tests.support.described import described
from tests.support.fakes import FakeFleet, Ran, done, fake_fleet
from tests.support.healthy import HEALTHY

NAMES = ("c01", "c02", "c03")
OWN = {"c01": "10.255.0.11", "c02": "10.255.0.12", "c03": "10.255.0.13"}
NOBODY: Mapping[str, Any] = {}


def playing(cut: frozenset[str] = frozenset(), **instead: str) -> FakeFleet:
    """Return nodes that reach all others over the overlay but those that are cut off.

    Args:
        instead: by verb, what c02 prints in place of its answer.
    """
    fleet = fake_fleet(*NAMES)
    for name, connection in fleet.connections.items():
        own = instead if name == "c02" else {}

        def reached(ran: Ran, name: str = name, own: Mapping[str, str] = own) -> Any:
            if "reach" in own:
                return done(0, own["reach"])
            asked = [n for n in NAMES if OWN[n] in ran.command]
            lost = {n for n in asked if n != name and cut & {n, name}}
            lines = [f"{'lost' if n in lost else 'through'} {OWN[n]}" for n in asked]
            return done(0, "\n".join([*lines, "end yes"]))

        address = own.get("address", f"address {OWN[name]}\nend yes")
        connection.on_run("sh -s -- address", done(0, address))
        connection.on_run("sh -s -- reach", reached)
    return fleet


def test_where_all_get_through_nothing_is_found() -> None:
    fleet = playing()
    assert lost_paths(fleet, NAMES) == {}
    for name in NAMES:
        asked, reached = (ran.command.split() for ran in fleet.connections[name].commands)
        assert asked[3:] == ["address"]
        assert reached[3:] == ["reach", *OWN.values()]


def test_a_node_whose_port_is_closed_is_told_with_those_that_it_loses() -> None:
    assert lost_paths(playing(frozenset(["c02"])), NAMES) == {
        "c01": ("c02",),
        "c02": ("c01", "c03"),
        "c03": ("c02",),
    }


@pytest.mark.parametrize(
    ("verb", "printed"),
    [
        ("address", "address \nend yes"),  # it has no such network (any more)
        ("address", ""),
        ("reach", f"lost {OWN['c02']}\nlost {OWN['c01']}\nlost {OWN['c03']}\nend yes"),  # no sudo
    ],
)
def test_what_could_not_be_tried_accuses_nobody(verb: str, printed: str) -> None:
    assert lost_paths(playing(frozenset(), **{verb: printed}), NAMES) == {}


def test_a_node_that_was_not_told_of_another_yet_accuses_nobody_and_is_not_accused() -> None:
    late = f"unknown {OWN['c01']}\nthrough {OWN['c02']}\nlost {OWN['c03']}\nend yes"
    fleet = playing(frozenset(["c01", "c03"]), reach=late)  # c01's answers from c02 do not arrive
    assert lost_paths(fleet, NAMES) == {"c01": ("c03",), "c02": ("c03",), "c03": ("c01", "c02")}


def test_one_node_has_nobody_to_reach() -> None:
    fleet = playing()
    assert lost_paths(fleet, ["c01"]) == {}
    assert fleet.wire == []


def test_it_is_tried_between_members_of_one_swarm() -> None:
    told = {
        "c01": HEALTHY,
        "c02": HEALTHY.replace("cluster one", "cluster "),  # a worker does not know its Swarm's id
        "c03": HEALTHY.replace("cluster one", "cluster two"),
        "c04": HEALTHY.replace("swarm active", "swarm inactive"),
        "c05": HEALTHY.replace("sudo yes\n", ""),
    }
    facts = {name: parse(text.format(name=name)) for name, text in told.items()}
    assert members(facts, "c01") == ["c01", "c02"]


def cluster_of(folder: Path, **settings: str) -> Cluster:
    groups = {"c01": ["master", "manager"], "c02": ["manager"], "c03": ["manager"]}
    hosts = {
        name: {"ipv4": f"10.0.0.{number}", "labels": [], "groups": groups[name]}
        for number, name in enumerate(NAMES, 1)
    }
    return described(folder, hosts, settings)


def found(
    folder: Path, fleet: FakeFleet, told: Mapping[str, str] = NOBODY, **settings: str
) -> list[Finding]:
    for name, connection in fleet.connections.items():
        text = HEALTHY.format(name=name).replace("LISTEN", f"10.0.0.{name[-1]}")
        text = told.get(name, text.replace("cluster one", "cluster one\ndataport 4789"))
        connection.on_run("sh -s -- /home", done(0, text))
    return check(fleet, cluster_of(folder, **settings), ())


def test_host_check_names_the_nodes_and_the_port_to_be_opened(tmp_path: Path) -> None:
    every = found(tmp_path, playing(frozenset(["c02"])))
    assert [(f.node, f.check) for f in every] == [(name, "overlay") for name in NAMES]
    assert "(4789/udp) do not get through between it and c01, c03" in every[1].found
    assert "open 4789/udp" in every[1].fix
    assert "ethtool -K eth0 tx-checksum-ip-generic off" in every[1].fix
    assert "SKP_NET_PORT" in every[1].fix
    assert found(tmp_path, playing()) == []


def test_a_peer_that_is_not_reached_at_all_is_told_once(tmp_path: Path) -> None:
    text = HEALTHY.format(name="c02").replace("LISTEN", "10.0.0.2")
    blocked = "device eth0\nblocked 10.0.0.1\nblocked 10.0.0.3"
    told = {"c02": text.replace("device eth0", blocked)}
    every = found(tmp_path, playing(frozenset(["c02"])), told)
    assert [(f.node, f.check) for f in every] == [("c02", "firewall"), ("c02", "firewall")]


def test_a_swarm_with_another_port_than_the_settings_say_is_told(tmp_path: Path) -> None:
    (only,) = found(tmp_path, playing(), SKP_NET_PORT="7789")
    assert (only.node, only.check) == ("c01", "overlay")
    assert only.found == "the Swarm has 4789/udp, SKP_NET_PORT is 7789"
    assert 'SKP_NET_PORT="4789"' in only.fix


def test_the_port_that_a_new_swarm_is_to_have_is_looked_at_before_it_begins(tmp_path: Path) -> None:
    outside = HEALTHY.replace("swarm active", "swarm inactive").replace(
        "cluster one\n", "cluster \n"
    )
    outside = outside.replace("tcp 22 2377 5000 7946 8010", "tcp 22").replace("ours registry\n", "")
    outside = outside.replace("udp 4789 7946", "udp 4789 7789").replace("ours jupyter\n", "")
    told = {name: outside.format(name=name).replace("LISTEN:8010", "") for name in NAMES}
    every = found(tmp_path, playing(), told, SKP_NET_PORT="7789")
    assert [f.found for f in every] == ["7789/udp, for Swarm, is taken"] * 3
