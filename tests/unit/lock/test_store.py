"""The lock's object in the Swarm's store: reading, creating and changing it through a manager."""

from __future__ import annotations

import pytest
import requests

from cluster.errors import BrokenError, DeadlineError, NodeError
from cluster.lock.swarm import Entry, Store
from tests.support.fake_configs import FakeConfigs
from tests.support.fakes import (
    FakeConnection,
    FakeFleet,
    fake_fleet,
    golden,
    half,
    refusal,
    reply,
)

SILENT = requests.exceptions.ReadTimeout()


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet("c01", "c02", "c03", unreachable=["c03"])


@pytest.fixture
def configs(fleet: FakeFleet) -> FakeConfigs:
    return FakeConfigs(*fleet.connections.values())


@pytest.fixture
def store(fleet: FakeFleet, configs: FakeConfigs) -> Store:
    return Store(fleet, ["c01", "c02", "c03"])


def test_an_object_that_was_never_created_is_none(store: Store) -> None:
    assert store.read() is None


def test_an_object_is_read_by_its_whole_name(store: Store, configs: FakeConfigs) -> None:
    configs.put("skp-lock-old", {"skp.beat": "1"})
    assert store.read() is None
    configs.put("skp-lock", {"skp.beat": "2"})
    assert store.read() == Entry("id-skp-lock", 11, {"skp.beat": "2"})


def test_an_object_without_labels_has_no_holder(store: Store, fleet: FakeFleet) -> None:
    found = {"ID": "1", "Version": {"Index": 3}, "Spec": {"Name": "skp-lock", "Labels": None}}
    fleet.connections["c01"].on("GET /configs", reply([found]))
    entry = store.read()
    assert entry is not None
    assert entry.holder is None


def test_creating_and_changing_the_object_on_the_wire(store: Store, fleet: FakeFleet) -> None:
    made = store.create({"skp.beat": "0"})
    assert made is not None
    changed = store.swap(made, {"skp.beat": "1"})
    assert changed == Entry("id-skp-lock", 11, {"skp.beat": "1"})
    golden("lock-store", fleet.wire)


def test_creating_what_another_command_has_created_is_none(
    store: Store, configs: FakeConfigs
) -> None:
    configs.put("skp-lock", {"skp.beat": "7"})
    assert store.create({"skp.beat": "0"}) is None
    assert configs.labels("skp-lock") == {"skp.beat": "7"}


def test_an_error_in_creating_is_told(store: Store, fleet: FakeFleet) -> None:
    fleet.connections["c02"].on("POST /configs/create", refusal(503, "no leader"))
    fleet.connections["c01"].on("POST /configs/create", refusal(503, "no leader"))
    with pytest.raises(NodeError, match="asking for the lock: no leader"):
        store.create({})


def test_changing_what_another_command_has_changed_is_none(
    store: Store, configs: FakeConfigs
) -> None:
    made = store.create({})
    assert made is not None
    configs.put("skp-lock", {"skp.beat": "7"})
    assert store.swap(made, {"skp.beat": "1"}) is None
    assert configs.labels("skp-lock") == {"skp.beat": "7"}


def test_a_change_that_is_refused_although_nobody_else_made_one_is_an_error(
    store: Store, fleet: FakeFleet
) -> None:
    made = store.create({})
    assert made is not None
    for connection in fleet.connections.values():
        connection.on("POST /configs/*/update", refusal(503, "no leader"))
    with pytest.raises(NodeError, match="no leader"):
        store.swap(made, {"skp.beat": "1"})


def test_another_manager_is_asked_when_one_does_not_answer_and_stays_the_first(
    store: Store, fleet: FakeFleet
) -> None:
    fleet.connections["c01"].on("GET /configs", SILENT)
    store.read()
    store.read()
    assert [line.partition("?")[0] for line in fleet.wire] == [
        "c01: GET /configs",
        "c02: GET /configs",
        "c02: GET /configs",
    ]


def test_half_an_answer_counts_as_none(store: Store, fleet: FakeFleet) -> None:
    fleet.connections["c01"].on("GET /configs", half(reply([{"ID": "1"}])))
    assert store.read() is None
    assert [line.partition(":")[0] for line in fleet.wire] == ["c01", "c02"]


def test_the_error_of_the_last_manager_is_told_when_none_answers(
    store: Store, fleet: FakeFleet
) -> None:
    fleet.connections["c01"].on("GET /configs", requests.exceptions.ConnectionError("refused"))
    fleet.connections["c02"].on("GET /configs", SILENT)
    with pytest.raises(DeadlineError, match="c02: asking for the lock"):
        store.read()


def test_a_manager_that_is_not_connected_is_not_asked(store: Store, fleet: FakeFleet) -> None:
    for connection in fleet.connections.values():
        connection.on("GET /configs", requests.exceptions.ConnectionError("refused"))
    with pytest.raises(BrokenError):
        store.read()
    assert fleet.connections["c03"].wire == []


def test_a_new_connection_to_a_manager_is_used(store: Store, fleet: FakeFleet) -> None:
    fleet.again["c01"] = FakeConnection("c01")
    FakeConfigs(fleet.again["c01"]).put("skp-lock", {"skp.beat": "9"})
    fleet.reconnect(["c01"])
    entry = store.read()
    assert entry is not None
    assert entry.labels == {"skp.beat": "9"}


def test_a_request_has_a_deadline_of_its_own(store: Store, fleet: FakeFleet) -> None:
    store.read()
    assert fleet.connections["c01"].requests[0].timeout == 10
