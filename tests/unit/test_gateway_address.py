"""The address of the front door that moves, as it is described."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.listeners import ALL_IPV4, published
from cluster.model.spec import ROOT, ConfigFile, Container
from cluster.operations.container_body import config
from cluster.plan.conflicts import conflicts
from hosts.prepare.machine_items import firewall
from services.doors import origins
from services.gateway.service import SERVICE as GATEWAY
from services.gateway.service import called
from tests.support.described import NOTHING
from tests.support.door_described import wanted

MOVES = {"GATEWAY_ADDRESS": "10.0.0.100"}


def described(folder: Path, **values: str) -> tuple[Cluster, dict[str, Container]]:
    cluster = wanted(folder, MOVES | values, gateway="12")
    return cluster, {c.name: c for c in published(cluster, GATEWAY, NOTHING)}


def test_beside_each_door_one_keeps_the_address(tmp_path: Path) -> None:
    _, found = described(tmp_path)
    assert list(found) == [
        "gateway-skp", "gateway-skp-c02", "gateway-skp-address", "gateway-skp-address-c02",
    ]  # fmt: skip
    keeper = found["gateway-skp-address-c02"]
    assert (keeper.node, keeper.entrypoint) == ("c02", ("address-skp", "10.0.0.2"))
    assert (keeper.network, keeper.user) == ("host", ROOT)
    assert keeper.capabilities == ("NET_ADMIN", "NET_RAW", "SETGID")
    assert keeper.read_only
    (file,) = keeper.files
    assert isinstance(file, ConfigFile)
    lines = [line.strip() for line in file.content.splitlines()]
    assert lines[lines.index("unicast_peer {") + 1 :][:2] == ["10.0.0.1", "}"]
    assert "10.0.0.100/32 dev INTERFACE" in lines
    assert 'script "/opt/skp/bin/door-answers 10.0.0.2 9010"' in lines


def test_it_is_kept_before_a_door_listens_on_it(tmp_path: Path) -> None:
    _, found = described(tmp_path)
    order = sorted(found.values(), key=lambda c: (c.start_phase, c.rolling_order))
    assert [c.name for c in order] == [
        "gateway-skp-address", "gateway-skp-address-c02", "gateway-skp", "gateway-skp-c02",
    ]  # fmt: skip
    assert len({c.rolling_order for c in order}) == len(order)


def test_a_door_listens_on_both_addresses(tmp_path: Path) -> None:
    cluster, found = described(tmp_path)
    ports = [p for p in found["gateway-skp-c02"].ports if p.host == 9030]
    assert [p.address for p in ports] == ["10.0.0.2", "10.0.0.100"]
    assert list(conflicts(cluster, found.values())) == []
    body = config(found["gateway-skp-c02"], {})
    assert body["HostConfig"]["PortBindings"]["9030/tcp"] == [
        {"HostIp": "10.0.0.2", "HostPort": "9030"},
        {"HostIp": "10.0.0.100", "HostPort": "9030"},
    ]


def test_who_listens_everywhere_listens_once(tmp_path: Path) -> None:
    _, found = described(tmp_path, SKP_BIND=ALL_IPV4)
    assert {p.address for p in found["gateway-skp"].ports} == {ALL_IPV4}
    assert "gateway-skp-address" in found


def test_pages_and_certificate_have_the_address(tmp_path: Path) -> None:
    cluster, _ = described(tmp_path)
    assert origins(cluster)["login"].url == "https://10.0.0.100:9070"
    assert "10.0.0.100" in called(cluster).hosts
    named, _ = described(tmp_path, GATEWAY_HOST="door.example")
    assert origins(named)["login"].url == "https://door.example:9070"


def test_containers_reach_no_port_of_a_node_by_it(tmp_path: Path) -> None:
    cluster, _ = described(tmp_path)
    (item,) = firewall(cluster, [GATEWAY])
    assert item.values["NODES"] == "10.0.0.1 10.0.0.2 10.0.0.100"


def test_ports_that_only_the_door_has_are_not_let_through(tmp_path: Path) -> None:
    from services.nginx import SERVICE as NGINX

    for only, there in (("TRUE", False), ("FALSE", True)):
        cluster, _ = described(tmp_path, SKP_DOOR_ONLY=only)
        (item,) = firewall(cluster, [NGINX])
        assert ("8070" in item.values["PORTS"].split()) is there


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("10.0.0.2", "is c02's own address"),
        ("127.0.0.1", "is not an address that can move"),
        (ALL_IPV4, "is not an address that can move"),
        ("224.0.0.9", "is not an address that can move"),
    ],
)
def test_an_address_that_can_not_move(tmp_path: Path, given: str, why: str) -> None:
    with pytest.raises(ConfigError, match=rf"env.sh:\d+: GATEWAY_ADDRESS: {given} {why}"):
        described(tmp_path, GATEWAY_ADDRESS=given)
