"""What is wanted beside what is there: a row for each node, container and image."""

from __future__ import annotations

from typing import Any

import pytest

import services
from cluster.commands.status import Row, images, rows
from cluster.facts.cluster import observe_cluster
from cluster.plan.scope import Goal
from tests.support.converging import Converging
from tests.support.fake_cluster import FakeCluster
from tests.support.fakes import FakeFleet, fake_fleet, refusal, reply

CHOSEN = services.choose("registry,jupyter")


@pytest.fixture
def running(cluster: FakeCluster) -> FakeCluster:
    Converging(cluster).run()
    return cluster


def shown(cluster: FakeCluster, *nodes: str) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return the rows by node, and by container as "c01 jupyter-skp"."""
    with cluster.fleet() as fleet:
        view = observe_cluster(cluster.declared, fleet, CHOSEN)
    there, containers = rows(view.cluster, view.state, CHOSEN, nodes or tuple(cluster))
    by_name = {f"{row['node']} {row['container']}": row for row in containers}
    return {row["node"]: row for row in there}, by_name


def test_all_is_well_when_all_runs(running: FakeCluster) -> None:
    nodes, containers = shown(running)
    assert {row["state"] for row in nodes.values()} == {"ready"}
    assert {row["ok"] for row in containers.values()} == {"yes"}
    assert len(containers) == 5


def test_a_nodes_role_leader_labels_and_gpus_are_told(running: FakeCluster) -> None:
    running.entries["id-c01"]["ManagerStatus"]["Leader"] = True
    running["c02"].swarm |= {"LocalNodeState": "inactive", "NodeID": ""}
    nodes, _ = shown(running)
    assert nodes["c01"]["role"] == "manager, leader"
    assert nodes["c01"]["labels"] == "jupyter"
    assert nodes["c02"]["role"] == "outside"
    assert nodes["c03"]["gpus"] == "0"


def test_a_drained_node_is_to_run_nothing(running: FakeCluster) -> None:
    running.entries["id-c02"]["Spec"]["Availability"] = "drain"
    nodes, containers = shown(running)
    assert nodes["c02"]["state"] == "ready, drained"
    assert containers["c02 jupyter-skp-c02"]["wanted"] == "drained"
    assert containers["c02 jupyter-skp-c02"]["ok"] == "no"  # it runs all the same
    running["c02"].containers.clear()
    assert shown(running)[1]["c02 jupyter-skp-c02"]["ok"] == "yes"


def test_an_unreachable_node_is_told_and_its_containers_are_not_known(
    running: FakeCluster,
) -> None:
    running.down.add("c02")
    nodes, containers = shown(running)
    assert nodes["c02"]["state"] == "unreachable"
    assert containers["c02 jupyter-skp-c02"]["found"] == "unreachable"
    assert containers["c02 jupyter-skp-c02"]["ok"] == "no"


def test_a_service_that_was_taken_down_is_held(running: FakeCluster) -> None:
    Converging(running).run("jupyter", Goal.REMOVE)
    row = shown(running)[1]["c01 jupyter-skp"]
    assert (row["wanted"], row["found"], row["ok"]) == ("held", "missing", "yes")


def test_a_container_that_nobody_wants_is_told(running: FakeCluster) -> None:
    found = running["c03"].add("jupyter-old", {"Image": "i", "Labels": {"skp.service": "jupyter"}})
    found["State"] |= {"Status": "running", "Running": True}
    row = shown(running)[1]["c03 jupyter-old"]
    assert (row["wanted"], row["found"], row["ok"]) == ("no", "running", "no")


@pytest.mark.parametrize(
    ("state", "ok"),
    [
        ({"Health": {"Status": "unhealthy"}}, "no"),
        ({"Status": "exited"}, "no"),
        ({"Health": {"Status": "healthy"}}, "yes"),
    ],
)
def test_what_runs_but_does_not_work_is_not_well(
    running: FakeCluster, state: dict[str, Any], ok: str
) -> None:
    running["c01"].containers["jupyter-skp"]["State"] |= state
    assert shown(running)[1]["c01 jupyter-skp"]["ok"] == ok


def test_only_the_chosen_nodes_are_shown(running: FakeCluster) -> None:
    nodes, containers = shown(running, "c02")
    assert list(nodes) == ["c02"]
    assert {row["node"] for row in containers.values()} == {"c02"}


@pytest.fixture
def engines() -> FakeFleet:
    """Two nodes; c01 alone has the image in its engine, and c02's registry does not answer."""
    fleet = fake_fleet("c01", "c02")
    name = "localhost:5000/skp/x:1"
    c01, c02 = fleet.connections["c01"], fleet.connections["c02"]
    c01.on("GET /images/json", reply([{"RepoTags": [name]}, {"RepoTags": None}]))
    c01.on(
        "GET /images/localhost:5000/skp/x:1/json",
        reply(
            {
                "RepoDigests": ["elsewhere/x@sha256:other", "localhost:5000/skp/x@sha256:a"],
                "Size": 7,
                "Created": "2026-11-28T10:00:00Z",
            }
        ),
    )
    c01.on("GET /distribution/*/json", reply({"Descriptor": {"digest": "sha256:a"}}))
    c02.on("GET /images/json", reply([]))
    c02.on("GET /images/*/json", refusal(404, "No such image"))
    c02.on("GET /distribution/*/json", refusal(500, "refused"))
    return fleet


def test_an_image_is_shown_as_each_node_sees_it(engines: FakeFleet) -> None:
    found = images(engines, ["c01", "c02"], {"skp/x:1": ("sha256:b", "sha256:a")})
    assert found.values["c01"] == [
        {
            "image": "skp/x:1", "registry": "sha256:a", "engine": "sha256:a", "size": "7",
            "created": "2026-11-28T10:00:00Z", "admitted": "sha256:b",
        }
    ]  # fmt: skip
    nothing = {"registry": "", "engine": "", "size": "", "created": ""}
    assert found.values["c02"] == [{"image": "skp/x:1", **nothing, "admitted": "sha256:b"}]


def test_a_name_by_digest_is_no_further_image(engines: FakeFleet) -> None:
    names = ["localhost:5000/skp/x:1", "localhost:5000/skp/x@sha256:a"]
    engines.connections["c01"].on("GET /images/json", reply([{"RepoTags": names}]))
    (row,) = images(engines, ["c01"], {}).values["c01"]
    assert row["image"] == "skp/x:1"


def test_where_the_record_is_not_known_that_is_shown(engines: FakeFleet) -> None:
    (row,) = images(engines, ["c01"], None).values["c01"]
    assert row["admitted"] == "unknown"


def test_an_image_that_is_on_record_alone_is_shown_too(engines: FakeFleet) -> None:
    engines.connections["c01"].on("GET /images/*/json", refusal(404, "No such image"))
    found = images(engines, ["c01"], {"skp/y:1": ("sha256:c",)})
    assert [(row["image"], row["admitted"]) for row in found.values["c01"]] == [
        ("skp/x:1", ""), ("skp/y:1", "sha256:c"),
    ]  # fmt: skip


def test_a_node_that_can_not_list_its_images_is_told(engines: FakeFleet) -> None:
    engines.connections["c02"].on("GET /images/json", refusal(500, "broken"))
    found = images(engines, ["c01", "c02"], {})
    assert list(found.values) == ["c01"]
    assert "c02: listing images: broken" in found.errors["c02"].what
