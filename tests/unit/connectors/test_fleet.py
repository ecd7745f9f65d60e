"""All nodes at once: connecting, asking, and what becomes of the nodes that fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config.inventory import Inventory
from cluster.config.settings import Settings
from cluster.connectors import fleet as fleets
from cluster.connectors.fleet import Fleet, choose
from cluster.connectors.local import LocalConnection
from cluster.connectors.node import Node
from cluster.errors import ConfigError, NodeError
from tests.support.fakes import SHORT, FakeConnection, fake_fleet, fake_host, fake_node

SETTINGS = Settings(Path("env.sh"), {"SKP_LOCAL": True}, {})
HOSTS = [fake_host(name, number=number) for number, name in enumerate(("c01", "c02", "c03"))]


def connect(host: fleets.Host, **_: object) -> Node:
    if host.name == "c02":
        raise NodeError("c02", "can't be reached")
    if host.name == "c03":
        raise ZeroDivisionError("oops")
    return fake_node(FakeConnection(host.name), host)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setattr(fleets, "_connect", connect)
    return Fleet(HOSTS, SETTINGS, SHORT)


def test_a_host_that_fails_keeps_no_other_from_being_connected(fleet: Fleet) -> None:
    assert list(fleet.nodes) == ["c01"]
    assert str(fleet.unreachable["c02"]) == "c02: can't be reached"
    assert "c03: unexpected ZeroDivisionError: oops" in str(fleet.unreachable["c03"])


def test_a_fleet_ends_its_connections_with_the_block(fleet: Fleet) -> None:
    with fleet:
        connection = fleet.nodes["c01"].connection
    assert isinstance(connection, FakeConnection)
    assert connection.closed


def test_this_machine_is_reached_without_ssh() -> None:
    with Fleet([fleets.Host("here", "127.0.0.1", (), frozenset())], SETTINGS, SHORT) as fleet:
        assert isinstance(fleet.nodes["here"].connection, LocalConnection)


def test_this_machine_is_reached_by_ssh_where_the_settings_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(host: fleets.Host, settings: Settings) -> None:
        raise NodeError(host.name, "SSH is asked")

    monkeypatch.setattr(fleets, "resolve", refuse)
    settings = Settings(Path("env.sh"), {"SKP_LOCAL": False}, {})
    host = fleets.Host("here", "127.0.0.1", (), frozenset())
    assert "SSH is asked" in str(Fleet([host], settings, SHORT).unreachable["here"])


def test_another_machine_is_reached_as_openssh_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: fleets.Host, settings: Settings) -> None:
        raise NodeError(host.name, "the SSH configuration is refused")

    monkeypatch.setattr(fleets, "resolve", refuse)
    host = fleets.Host("c09", "192.0.2.9", (), frozenset())
    assert "refused" in str(Fleet([host], SETTINGS, SHORT).unreachable["c09"])


def test_every_node_is_asked_to_the_end_although_one_fails() -> None:
    def ask(node: Node) -> str:
        if node.name == "c01":
            raise NodeError("c01", "no")
        if node.name == "c02":
            raise KeyError("fault")
        return node.name

    found = fake_fleet("c01", "c02", "c03").each(ask)
    assert found.values == {"c03": "c03"}
    assert str(found.errors["c01"]) == "c01: no"
    assert "c02: unexpected KeyError" in str(found.errors["c02"])


def test_only_the_named_nodes_are_asked_and_only_those_that_are_reachable() -> None:
    fleet = fake_fleet("c01", "c02", "c03", unreachable=["c02"])
    found = fleet.each(lambda node: node.name, ["c02", "c03", "c99"])
    assert (found.values, found.errors) == ({"c03": "c03"}, {})


def test_nothing_is_asked_of_no_nodes() -> None:
    assert fake_fleet("c01").each(lambda node: node.name, []).values == {}


def test_an_interruption_ends_the_asking() -> None:
    def interrupt(_: Node) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fake_fleet("c01").each(interrupt)


def test_a_new_connection_takes_the_place_of_a_broken_one() -> None:
    fleet = fake_fleet("c01", "c02")
    fleet.again["c01"] = FakeConnection("c01")
    fleet.reconnect(["c01"])
    assert fleet.nodes["c01"].connection is fleet.again["c01"]
    assert fleet.connections["c01"].closed
    assert fleet.nodes["c02"].connection is fleet.connections["c02"]


def test_a_node_that_can_not_be_reached_again_keeps_its_connection() -> None:
    fleet = fake_fleet("c01")
    fleet.reconnect(["c01"])
    assert fleet.nodes["c01"].connection is fleet.connections["c01"]
    assert not fleet.connections["c01"].closed


INVENTORY = Inventory(Path("etc/hosts.json"), tuple(HOSTS))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [("", ["c01", "c02", "c03"]), (" c03 , c01,", ["c01", "c03"]), ("c02", ["c02"])],
)
def test_hosts_are_chosen_by_name_in_the_order_of_the_inventory(
    names: str, chosen: list[str]
) -> None:
    assert [host.name for host in choose(INVENTORY, names)] == chosen


def test_a_name_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no node c1 in etc/hosts\.json \(did you mean"):
        choose(INVENTORY, "c01,c1")
