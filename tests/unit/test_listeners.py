"""On which addresses of a node the ports listen that services publish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import services
from cluster.config.secrets import SPEC_KEY, Secret
from cluster.errors import ConfigErrors
from cluster.model.cluster import Cluster
from cluster.model.layout import Layout
from cluster.model.listeners import ALL_IPV4, bind_address, published, reached_at
from cluster.model.spec import HOST
from cluster.model.state import State
from cluster.plan.conflicts import conflicts
from tests.support.described import described

HOSTS: dict[str, Any] = {
    name: {
        "ipv4": f"10.0.0.{number}",
        "groups": ["master", "manager"] if number == 1 else ["worker"],
        "labels": [
            {label: "enable"}
            for label in services.labels()
            if number == 1 or label != "spark-master"
        ],
    }
    for number, name in enumerate(("c01", "c02"), 1)
}
NOTHING = State({}, {}, None)


def cluster(folder: Path, bind: str = "", layout: int = 2, nodes: int = 2) -> Cluster:
    hosts = dict(list(HOSTS.items())[:nodes])
    found = replace(described(folder, hosts, {"SKP_BIND": bind}), layout=Layout(layout))
    return replace(found, secrets={**found.secrets, SPEC_KEY: Secret("key")})


def listening(wanted: Cluster) -> set[str]:
    """Return where what is published listens, of all services."""
    every = [c for s in services.catalogue().values() for c in published(wanted, s, NOTHING)]
    found = [c for c in every if c.ports and c.network != HOST]
    assert len(found) > 5
    return {f"{c.node} {port.address}" for c in found for port in c.ports}


def test_what_is_published_listens_on_its_nodes_own_address_alone(tmp_path: Path) -> None:
    assert listening(cluster(tmp_path)) == {"c01 10.0.0.1", "c02 10.0.0.2", "c01 127.0.0.1"}


def test_the_setting_opens_more(tmp_path: Path) -> None:
    opened = listening(cluster(tmp_path, ALL_IPV4))
    assert opened == {"c01 0.0.0.0", "c02 0.0.0.0", "c01 127.0.0.1"}  # (Portainer's API)


def test_a_cluster_of_an_earlier_version_listens_as_before_unless_a_setting_says(
    tmp_path: Path,
) -> None:
    assert listening(cluster(tmp_path, layout=1)) == {"c01 ", "c02 "}
    assert bind_address(cluster(tmp_path, "127.0.0.1", layout=1), "c02") == "127.0.0.1"


def test_a_port_that_has_an_address_of_its_own_keeps_it(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    registry = services.catalogue()["registry"]
    assert [*published(wanted, registry, NOTHING)] == [*registry.containers(wanted, NOTHING)]


def test_behind_the_door_alone_pages_publish_nothing_and_all_else_does(tmp_path: Path) -> None:
    wanted = cluster(tmp_path)
    settings = described(tmp_path, HOSTS, {"SKP_DOOR_ONLY": "TRUE"}).settings
    closed = replace(wanted, settings=settings)

    def ports(of: Cluster) -> set[tuple[str, int]]:
        every = [c for s in services.catalogue().values() for c in published(of, s, NOTHING)]
        return {(c.service, port.host) for c in every for port in c.ports}

    gone = ports(wanted) - ports(closed)
    assert {service for service, _ in gone} == {
        *("airflow", "api", "flask", "jupyter", "nginx", "portainer", "prometheus", "spark")
    }
    assert {"gateway", "kafka", "mysql", "registry"} <= {service for service, _ in ports(closed)}
    assert ports(closed) <= ports(wanted)


@pytest.mark.parametrize(
    ("bind", "layout", "address"),
    [
        ("", 2, "10.0.0.2"),
        ("", 1, "127.0.0.1"),
        (ALL_IPV4, 2, "127.0.0.1"),
        ("127.0.0.1", 2, "127.0.0.1"),
    ],
)
def test_a_node_reaches_its_own_ports_where_they_listen(
    tmp_path: Path, bind: str, layout: int, address: str
) -> None:
    assert reached_at(cluster(tmp_path, bind, layout), "c02") == address


@pytest.mark.parametrize("bind", ["0.0.0", "0.0.0.0.", "256.0.0.1", "localhost", "::", "1.2.3.4/8"])
def test_what_is_no_address_is_refused(tmp_path: Path, bind: str) -> None:
    with pytest.raises(ConfigErrors, match=r'SKP_BIND: ".*" found; allowed: an IPv4 address'):
        cluster(tmp_path, bind)


def test_an_address_that_only_one_of_several_nodes_can_have_is_refused(tmp_path: Path) -> None:
    (error,) = conflicts(cluster(tmp_path, "192.0.2.7"), [])
    assert "SKP_BIND: no two nodes have the address 192.0.2.7" in str(error)
    assert list(conflicts(cluster(tmp_path, "192.0.2.7", nodes=1), [])) == []
