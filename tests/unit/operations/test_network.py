"""The overlay network: its addresses, and packets that fit the nodes' own network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster.errors import NodeError
from cluster.operations.network import CreateNetwork
from tests.support.fakes import FakeFleet, done, fake_fleet, refusal, reply
from tests.support.scenes import Scene


def making(subnet: str = "10.90.0.0/16", mtu: int = 0, **mtus: str) -> Scene:
    fleet: FakeFleet = fake_fleet(*(mtus or {"c01": ""}))
    for name, said in mtus.items():
        fleet.connections[name].on_run("/sys/class/net", done(stdout=said))
    fleet.connections["c01"].on("POST /networks/create", reply({"Id": "n"}, 201))
    return Scene(fleet, CreateNetwork("c01", "net-skp", subnet, mtu))


def encrypted(mtu: int = 0, **mtus: str) -> Scene:
    scene = making(mtu=mtu, **mtus)
    assert isinstance(scene.operation, CreateNetwork)
    scene.operation = replace(scene.operation, encrypted=True)
    return scene


def created(scene: Scene) -> dict[str, Any]:
    (request,) = scene.c01.requests
    body: dict[str, Any] = request.body
    return body


def below(scene: Scene) -> str:
    told: str = created(scene)["Options"]["com.docker.network.driver.mtu"]
    return told


def test_packets_fit_the_narrowest_of_the_nodes_interfaces() -> None:
    scene = making(c01="1500\n", c02="1450\n", c03="9000\n")
    assert scene.run() == "10.90.0.0/16, MTU 1400"
    assert below(scene) == "1450"


def test_each_node_is_asked_for_the_interface_of_its_own_address() -> None:
    scene = making(c01="1500", c02="1500")
    scene.run()
    asked = [line for line in scene.fleet.wire if "run:" in line]
    assert sorted(line.split()[9] for line in asked) == ["10.0.0.1", "10.0.0.2"]


def test_an_mtu_that_is_set_is_what_containers_see() -> None:
    scene = making(mtu=1350)
    assert scene.run() == "10.90.0.0/16, MTU 1350"
    assert below(scene) == "1400"
    assert not any("run:" in line for line in scene.fleet.wire)


@pytest.mark.parametrize("said", ["", "cat: /sys/class/net//mtu: No such file"])
def test_a_node_that_does_not_say_its_mtu_does_not_count(said: str) -> None:
    scene = making(c01="1450", c02=said)
    scene.run()
    assert below(scene) == "1450"


def test_where_no_node_says_its_mtu_it_is_that_of_ethernet() -> None:
    scene = making(c01="")
    scene.fleet.connections["c01"].on_run("/sys/class/net", done(1, stderr="ip: not found"))
    scene.run()
    assert below(scene) == "1500"


def test_without_a_subnet_the_engine_chooses_one() -> None:
    scene = making(subnet="", c01="1500")
    scene.run()
    assert created(scene)["IPAM"]["Config"] == []


def test_containers_may_attach_to_it() -> None:
    scene = making(c01="1500")
    scene.run()
    told = created(scene)
    assert (told["Driver"], told["Attachable"], told["Labels"]) == (
        "overlay",
        True,
        {"skp": "network"},
    )


def test_packets_are_encrypted_if_that_is_wanted_and_still_fit() -> None:
    scene = encrypted(c01="1500")
    assert scene.run() == "10.90.0.0/16, MTU 1424, encrypted"
    assert created(scene)["Options"]["encrypted"] == ""
    assert below(scene) == "1500", "the engine takes off what encryption needs"
    set_to = encrypted(mtu=1400)
    assert set_to.run() == "10.90.0.0/16, MTU 1400, encrypted"
    assert below(set_to) == "1476"
    plain = making(c01="1500")
    plain.run()
    assert "encrypted" not in created(plain)["Options"]


def test_a_subnet_that_is_taken_is_told() -> None:
    scene = making(c01="1500")
    scene.c01.on("POST /networks/create", refusal(403, "Pool overlaps with other one"))
    with pytest.raises(NodeError, match="c01: making the network net-skp: Pool overlaps"):
        scene.run()
