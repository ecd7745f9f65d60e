"""Asking nodes what is there: what is made of whole answers, half ones, and none."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.config.secrets import StoredSecrets
from cluster.connectors.fleet import Fleet
from cluster.facts import nodes
from cluster.facts.disk import Question
from cluster.facts.nodes import containers, identify, observe
from cluster.model.networks import networks
from cluster.model.spec import Image, Source
from cluster.model.state import Health, State
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import (
    FakeConnection,
    content,
    done,
    fake_fleet,
    fake_node,
    half,
    refusal,
    reply,
)

INFO: dict[str, Any] = {
    "Name": "c01",
    "ServerVersion": "26.1",
    "SystemTime": "2026-11-28T10:00:00.123456789+01:00",
    "Swarm": {"LocalNodeState": "inactive", "NodeID": "", "ControlAvailable": False},
}
DISK = done(0, "owner:1000:1000\nend:\n")
QUESTION = Question("/home/skp/skp/volume", (), StoredSecrets())


class ThreeLooks:
    """A deadline that has passed when it is asked for the third time, however slow a machine is."""

    def __init__(self, _: float) -> None:
        self._asked = 0

    @property
    def passed(self) -> bool:
        self._asked += 1
        return self._asked == 3


@pytest.fixture
def played(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    cluster = FakeCluster(tmp_path, monkeypatch)
    cluster.begin()
    monkeypatch.setattr(nodes, "_PAUSE", 0.01)
    return cluster


def observed(fleet: Fleet) -> State:
    return observe(fleet, "c01", QUESTION, {})


def test_an_engine_that_can_run_nothing_of_ours_is_noticed() -> None:
    fleet = fake_fleet("c01", "c02")
    told = {"Driver": "overlay2", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    registries = {
        "InsecureRegistryCIDRs": ["10.0.0.0/8"],
        "IndexConfigs": {"docker.io": {"Secure": True}, "r.example": {"Secure": False}},
    }
    for name, more in (("c01", told), ("c02", {"RegistryConfig": registries})):
        fleet.connections[name].on("GET /info", reply({**INFO, **more}))
        fleet.connections[name].on("GET /containers/json", reply([]))
        fleet.connections[name].on_run("", DISK)
    found = observed(fleet).nodes
    assert "no storage driver overlay2" in found["c01"].unfit[0]
    assert "wants TLS" in found["c02"].unfit[0]


def inspected(name: str = "x", **changes: Any) -> dict[str, Any]:
    whole = {
        "Id": f"id-{name}",
        "Name": f"/{name}",
        "Config": {"Image": "i", "Labels": {"skp.service": "kafka"}},
        "State": {"Status": "running", "StartedAt": "2026-11-28T10:00:00Z"},
    }
    return {**whole, **changes}


def one(found: dict[str, Any], listed: dict[str, Any] | None = None) -> Any:
    """Return the only container of a node that has it."""
    connection = FakeConnection("c01")
    connection.on("GET /containers/json", reply([{"Id": found["Id"], **(listed or {})}]))
    connection.on("GET /containers/*/json", reply(found))
    (container,) = containers(fake_node(connection)).values()
    return container


def test_the_master_tells_of_the_swarm_and_each_node_of_itself(played: FakeCluster) -> None:
    with played.fleet() as fleet:
        state = observed(fleet)
    assert state.swarm is not None
    assert (state.swarm.via, state.swarm.managers) == ("c01", ("c01", "c02", "c03"))
    assert dict(state.swarm.networks) == {n.name: n.subnet for n in networks(played.wanted)}
    assert repr(state.swarm.tokens["worker"]) == "Secret(***)"
    assert {n.hostname for n in state.nodes.values()} == {"c01", "c02", "c03"}
    assert all(abs(node.clock) < 60 for node in state.nodes.values())
    assert (state.unreachable, state.leaderless) == ({}, None)


def test_when_the_master_can_not_tell_another_manager_does(played: FakeCluster) -> None:
    played.master.connection.on("GET /swarm", refusal(500, "context deadline exceeded"))
    with played.fleet() as fleet:
        state = observed(fleet)
    assert state.swarm is not None
    assert state.swarm.via in ("c02", "c03")


def test_without_a_leader_the_managers_error_is_kept_and_asked_until_the_deadline(
    played: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "Deadline", ThreeLooks)
    played.leaderless = True
    with played.fleet() as fleet:
        state = observed(fleet)
    assert state.swarm is None
    assert state.leaderless is not None
    assert "does not have a leader" in state.leaderless.what
    assert len([w for w in played.wire if w == "c01: GET /swarm"]) == 3


def test_a_leader_that_comes_back_is_waited_for(
    played: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "Deadline", ThreeLooks)
    lost = refusal(500, "rpc error: no leader")
    whole = played.master.connection.engine(5).inspect_swarm()
    for machine in played.machines.values():
        machine.connection.on("GET /swarm", lost, reply(whole))
    with played.fleet() as fleet:
        assert observed(fleet).swarm is not None


def test_a_minority_of_the_managers_is_not_waited_for(played: FakeCluster) -> None:
    played.leaderless, played.down = True, {"c02", "c03"}
    with played.fleet() as fleet:
        state = observed(fleet)
    assert state.leaderless is not None
    assert len([w for w in played.wire if w == "c01: GET /swarm"]) == 1


def test_a_connection_that_broke_is_made_anew_once() -> None:
    fleet = fake_fleet("c01")
    fleet.connections["c01"].on("GET /info", half(reply({"Name": "c01"})))
    fleet.connections["c01"].on_run("stat -c owner:", DISK)
    again = fleet.again["c01"] = FakeConnection("c01", fleet.wire)
    again.on("GET /info", reply(INFO))
    again.on("GET /containers/json", reply([]))
    again.on_run("stat -c owner:", DISK)
    assert list(observed(fleet).nodes) == ["c01"]


def test_a_connection_that_breaks_twice_is_told() -> None:
    fleet = fake_fleet("c01")
    for connection in (fleet.connections["c01"], FakeConnection("c01")):
        connection.on("GET /info", half(reply({"Name": "c01"})))
        connection.on_run("stat -c owner:", DISK)
        fleet.again["c01"] = connection
    state = observed(fleet)
    assert state.nodes == {}
    assert "no Docker Engine answers" in state.unreachable["c01"].what


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (refusal(500, "broken"), "reading its state: broken"),
        (
            reply({k: v for k, v in INFO.items() if k != "Swarm"}),
            "its answer is not of its form (StrangeError: Swarm.LocalNodeState: None)",
        ),
        (content(b"<html>"), "no Docker Engine answers"),
    ],
)
def test_an_engine_that_gives_no_whole_answer_is_no_node(answer: Any, what: str) -> None:
    fleet = fake_fleet("c01", "c02")
    for connection in fleet.connections.values():
        connection.on("GET /info", reply(INFO))
        connection.on("GET /containers/json", reply([]))
        connection.on_run("stat -c owner:", DISK)
    fleet.connections["c02"].on("GET /info", answer)
    state = observed(fleet)
    assert list(state.nodes) == ["c01"]
    assert what in state.unreachable["c02"].what


def test_a_node_outside_of_a_swarm_has_none() -> None:
    fleet = fake_fleet("c01")
    connection = fleet.connections["c01"]
    connection.on("GET /info", reply(INFO))
    connection.on("GET /containers/json", reply([]))
    connection.on_run("stat -c owner:", DISK)
    state = observed(fleet)
    assert (state.swarm, state.leaderless) == (None, None)
    assert state.nodes["c01"].runtimes == frozenset()


def test_a_container_that_goes_while_it_is_looked_at_is_left_out() -> None:
    connection = FakeConnection("c01")
    connection.on("GET /containers/json", reply([{"Id": "a"}, {"Id": "b"}]))
    connection.on("GET /containers/a/json", refusal(404, "No such container"))
    connection.on("GET /containers/b/json", reply(inspected("b")))
    assert list(containers(fake_node(connection))) == ["b"]


def test_a_container_of_a_stranger_is_known_by_its_name_alone() -> None:
    found = one(inspected("web", Config={"Image": "nginx", "Labels": None}))
    assert (found.service, found.spec, found.busy, found.health) == (None, "", (), Health.NONE)


def test_a_strangers_label_is_not_run_as_a_command() -> None:
    config = {"Image": "i", "Labels": {"skp.busy": '["rm", "-rf", "/"]'}}
    assert one(inspected("web", Config=config)).busy == ()


def test_a_description_that_is_damaged_counts_as_none() -> None:
    labels = {"skp.service": "kafka", "skp.fields": "{half"}
    assert one(inspected(Config={"Image": "i", "Labels": labels})).fields == {}


def test_what_its_probe_says_is_known() -> None:
    health = {"Status": "unhealthy", "Log": [{"Output": "it is late"}]}
    state = {"Status": "running", "StartedAt": "", "Health": health}
    found = one(inspected(State=state))
    assert (found.health, found.works) == (Health.UNHEALTHY, False)


def test_published_ports_are_told_each_once() -> None:
    listed = [
        {"PublicPort": 8010, "Type": "tcp", "IP": "10.1.0.1"},
        {"PublicPort": 8010, "Type": "tcp", "IP": "::"},
        {"PrivatePort": 9000, "Type": "tcp"},
        {"PublicPort": 53, "Type": "udp"},
    ]
    assert one(inspected(), {"Ports": listed}).ports == ("53/udp", "8010/tcp")


REGISTERED, STREAMED = Image("skp/x"), Image("skp/x", source=Source.STREAM)


@pytest.mark.parametrize(
    ("image", "path", "answer", "identity"),
    [
        (
            REGISTERED,
            "GET /distribution/*",
            reply({"Descriptor": {"digest": "sha256:a"}}),
            "sha256:a",
        ),
        (REGISTERED, "GET /distribution/*", refusal(500, "connection refused"), ""),
        (REGISTERED, "GET /distribution/*", refusal(404, "manifest unknown"), ""),
        (STREAMED, "GET /images/*", reply({"Id": "sha256:i"}), "sha256:i"),
        (STREAMED, "GET /images/*", refusal(404, "No such image"), ""),
    ],
)
def test_an_image_is_identified_by_its_digest_or_id(
    image: Image, path: str, answer: Any, identity: str
) -> None:
    connection = FakeConnection("c01")
    connection.on(path, answer)
    assert identify(fake_node(connection), image) == identity


def test_a_manager_is_known_by_its_raft_address_and_a_worker_by_its_status(
    played: FakeCluster,
) -> None:
    played.entries["id-c03"].pop("ManagerStatus")
    played.entries["id-c03"]["Spec"] |= {"Role": "worker", "Labels": None}
    with played.fleet() as fleet:
        swarm = observed(fleet).swarm
    assert swarm is not None
    assert swarm.nodes["id-c01"].address == "10.1.0.1"
    assert swarm.nodes["id-c03"].address == "10.1.0.3"
    assert swarm.nodes["id-c03"].labels == {}


def test_a_network_that_got_no_addresses_takes_no_containers(played: FakeCluster) -> None:
    # As of moby/swarmkit#2398: what asked for the addresses of another one.
    empty = {"Driver": "", "Attachable": True, "IPAM": {"Driver": "default", "Config": None}}
    played.networks = [n for n in played.networks if n["Name"] != "net-skp-users"]
    played.networks.append({"Name": "net-skp-users", **empty})
    with played.fleet() as fleet:
        swarm = observed(fleet).swarm
    assert swarm is not None
    assert swarm.closed == {"net-skp-users": ""}
    assert "net-skp-users" not in swarm.networks


def test_a_join_that_was_cut_off_has_no_name_yet(played: FakeCluster) -> None:
    entry = played.entries["id-c03"]
    entry["Description"], entry["Status"] = {}, {"State": "unknown"}
    with played.fleet() as fleet:
        swarm = observed(fleet).swarm
    assert swarm is not None
    assert swarm.nodes["id-c03"].joining


def test_an_overlay_without_addresses_of_its_own_has_no_subnet(played: FakeCluster) -> None:
    played.networks.append(
        {
            "Name": "other",
            "Attachable": True,
            "IPAM": {"Config": None},
            "Options": {"encrypted": ""},
        }
    )
    played.networks.append({"Name": "closed", "Attachable": False, "IPAM": None})
    with played.fleet() as fleet:
        swarm = observed(fleet).swarm
    assert swarm is not None
    assert "closed" not in swarm.networks
    assert swarm.closed == {"closed": ""}
    assert swarm.networks["other"] == ""
    assert swarm.encrypted == {"other"}
