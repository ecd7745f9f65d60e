"""What only a running service itself can be asked for: when it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.errors import NodeError
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Deferred, Item, Keep, Kind
from cluster.model.policy import Busy
from cluster.model.spec import Container, Image
from cluster.model.state import FoundContainer, State
from cluster.operations.container import (
    CreateContainer,
    RemoveContainer,
    ReplaceContainer,
    StartContainer,
)
from cluster.plan.follow_ups import plan_follow_ups
from cluster.plan.scope import Goal, Scope
from services.portainer.registration import RegisterAgents
from services.portainer.service import SERVICE
from tests.support.described import described

WANTED = Container("c01", "portainer-skp", "portainer", Image("skp/x", "latest"))
FOUND = FoundContainer("portainer-skp", "id", "skp/x", "exited", "portainer")
HOSTS = {
    "c01": {
        "ipv4": "10.1.0.1",
        "labels": [{"portainer": "enable"}],
        "groups": ["master", "manager"],
    },
}
KEPT = Keep(Kind.CONTAINER, "c01", "portainer-skp", WANTED, "sha256:a")
EMPTY = State({}, {}, None)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return described(tmp_path, HOSTS, {})


def planned(cluster: Cluster, item: Item, goal: Goal, state: State = EMPTY) -> list[Item]:
    scope = Scope("x", ("c01",), services=(SERVICE,), goal=goal)
    return list(plan_follow_ups([SERVICE], cluster, state, scope, [item]))


@pytest.mark.parametrize(
    ("item", "asked"),
    [
        (CreateContainer(WANTED, "sha256:a", {}, "c01"), True),
        (ReplaceContainer(WANTED, "sha256:a", {}, "c01", FOUND, Busy.SKIP), True),
        (StartContainer(WANTED, FOUND), False),
        (RemoveContainer("c01", "portainer-old", FOUND, Busy.SKIP), False),
        (KEPT, False),
    ],
)
def test_an_apply_asks_when_a_container_is_made_or_replaced(
    cluster: Cluster, item: Item, asked: bool
) -> None:
    found = planned(cluster, item, Goal.APPLY)
    assert [type(each) for each in found] == [RegisterAgents] * asked


def test_a_run_asks_always_and_under_the_lock(cluster: Cluster) -> None:
    (asked,) = planned(cluster, KEPT, Goal.RUN)
    assert asked.needs_lock
    assert not asked.changes, "whether it does is known when the server was asked"


def test_what_its_server_waits_for_is_waited_for(cluster: Cluster) -> None:
    later = Deferred(Kind.CONTAINER, "c01", "portainer-skp", "no image yet", "", WANTED)
    assert planned(cluster, later, Goal.APPLY) == []
    (asked,) = planned(cluster, later, Goal.RUN)
    assert isinstance(asked, Deferred)


def test_a_server_that_can_not_be_reached_is_not_asked(cluster: Cluster) -> None:
    off = State({}, {"c01": NodeError("c01", "off")}, None)
    (asked,) = planned(cluster, KEPT, Goal.RUN, off)
    assert isinstance(asked, Blocked)
