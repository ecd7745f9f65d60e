"""The front doors are told of routes; one that does not listen where names are says what to do."""

from __future__ import annotations

import pytest

from cluster.errors import NodeError
from cluster.model.spec import Container, Image, Port
from tests.support.fakes import fake_fleet, reply
from workloads.doors import Doors

DOOR = Container(
    node="c01",
    name="gateway-skp",
    service="gateway",
    image=Image("skp/docker-gateway"),
    ports=(Port(9010, 9010), Port(8443, 8443)),
)


def renewed(*published: int) -> list[str]:
    fleet = fake_fleet("c01")
    bound = {f"{port}/tcp": [{"HostPort": str(port)}] for port in published}
    c01 = fleet.connections["c01"]
    c01.on("GET /containers/gateway-skp/json", reply({"HostConfig": {"PortBindings": bound}}))
    c01.on_exec("gateway-skp", "door-has", (0, ""))
    return Doors(fleet, lambda: [DOOR]).renew()


def test_a_door_that_was_made_before_there_were_names_has_to_be_made_anew() -> None:
    with pytest.raises(NodeError, match="gateway-skp does not listen at port 8443 yet") as caught:
        renewed(9010)
    assert caught.value.hint == "./skp.py docker.apply gateway"


def test_a_door_that_listens_is_told() -> None:
    assert renewed(9010, 8443) == []
