"""Which images docker.image-rm and docker.image-prune take away, and what is in their way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.commands.image_prune import plan_image_prune, with_build_cache
from cluster.commands.image_rm import plan_image_removal
from cluster.config.inventory import Inventory
from cluster.errors import NodeError, SkpError
from cluster.model.spec import Image
from tests.support.digests import digest
from tests.support.fake_registry import FakeRegistry, no_registry
from tests.support.fake_swarm import FakeSwarm
from tests.support.fakes import FakeFleet, fake_fleet, refusal, reply

ALL = ("c01", "c02", "c03")
IMAGE = Image("skp/x", "1")
NAME = "localhost:5000/skp/x:1"
OURS = {"skp.image": "docker-x"}


def stored(ident: str, *tags: str, digests: tuple[str, ...] = (), ours: bool = False) -> Any:
    labels = OURS if ours else None
    return {"Id": ident, "RepoTags": tags, "RepoDigests": digests, "Labels": labels, "Size": 5_000}


def fleet_with(
    images: dict[str, list[Any]], users: dict[str, str] | None = None, away: tuple[str, ...] = ()
) -> FakeFleet:
    """Return nodes with these images; `users` are containers on c02 by name: what they run."""
    fleet = fake_fleet(*ALL, unreachable=away)
    swarm_of(fleet, "")
    for name, connection in fleet.connections.items():
        connection.on("GET /images/json", reply(images.get(name, [])))
        running = (users or {}).items() if name == "c02" else ()
        connection.on("GET /containers/json", reply([{"Id": c} for c, _ in running]))
        for container, reference in running:
            inspected = {"Name": f"/{container}", "Config": {"Image": reference}, "Image": "i-old"}
            connection.on(f"GET /containers/{container}/json", reply(inspected))
    return fleet


def swarm_of(fleet: FakeFleet, record: str) -> None:
    """Have a Swarm with this label about digests, and all nodes managers of it."""
    swarm = FakeSwarm(fleet)
    swarm.labels = {"skp.digests": record}
    for name in ALL:
        swarm.add(f"id-{name}", name, "manager")


def registry_of(fleet: FakeFleet) -> FakeRegistry:
    return FakeRegistry(fleet.connections["c01"])


def items(change: Any) -> list[tuple[str, str, str]]:
    return [(str(i.action), i.node, i.name) for i in change.items]


def test_a_tag_goes_from_engines_first_and_then_from_the_registry(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", NAME)], "c03": [stored("i1", NAME)]})
    registry_of(fleet).add("skp/x", "1", "2")
    change = plan_image_removal(inventory, fleet, IMAGE, ALL, ["jupyter"])
    assert items(change) == [
        ("remove", "c01", NAME), ("remove", "c03", NAME), ("untag", "c01", "skp/x:1"),
    ]  # fmt: skip
    assert [item.order for item in change.items] == [1, 1, 2]
    assert change.question == (
        "skp/x:1 would be removed from c01, c03, the registry (jupyter can't start without it)."
    )


def test_what_is_removed_everywhere_is_forgotten(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", NAME)]})
    swarm_of(fleet, json.dumps({"skp/x:1": [digest("one")], "skp/x:2": [digest("two")]}))
    registry_of(fleet).add("skp/x", "1", "2")
    change = plan_image_removal(inventory, fleet, IMAGE, ALL, [])
    assert items(change)[-1] == ("forget", "c01", "skp/x:1")
    for some in (fleet_with({"c01": [stored("i1", NAME)]}, away=("c03",)), fleet):
        swarm_of(some, json.dumps({"skp/x:1": [digest("one")]}))
        registry_of(some).add("skp/x", "1")
        nodes = ALL if some is not fleet else ("c01",)
        kept = plan_image_removal(inventory, some, IMAGE, nodes, [])
        assert "forget" not in [action for action, _, _ in items(kept)]


def test_what_is_on_record_alone_can_be_forgotten(inventory: Inventory) -> None:
    fleet = fleet_with({})
    swarm_of(fleet, json.dumps({"skp/x:1": [digest("one")]}))
    registry_of(fleet)
    change = plan_image_removal(inventory, fleet, IMAGE, ALL, [])
    assert items(change) == [("forget", "c01", "skp/x:1")]
    assert change.question == "skp/x:1 would be removed from the record."


def test_on_some_nodes_only_the_registry_keeps_it_and_is_not_asked(inventory: Inventory) -> None:
    fleet = fleet_with({"c03": [stored("i1", NAME)]})
    change = plan_image_removal(inventory, fleet, IMAGE, ["c03"], [])
    assert items(change) == [("remove", "c03", NAME)]
    assert change.warnings == ("the registry keeps skp/x:1: without --nodes it goes there too",)


def test_an_image_of_ours_goes_by_its_plain_name_too(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", "skp/x:1", ours=True)]})
    registry_of(fleet)
    assert items(plan_image_removal(inventory, fleet, IMAGE, ALL, [])) == [
        ("remove", "c01", "skp/x:1")
    ]


def test_a_strangers_image_of_that_name_stays(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", "skp/x:1")]})
    registry_of(fleet)
    with pytest.raises(SkpError, match="there is no image skp/x:1"):
        plan_image_removal(inventory, fleet, IMAGE, ALL, [])


def test_what_a_container_uses_is_refused(inventory: Inventory) -> None:
    fleet = fleet_with({"c02": [stored("i1", NAME)]}, {"jupyter-skp": NAME})
    registry_of(fleet).add("skp/x", "1")
    with pytest.raises(SkpError, match="skp/x:1 is in use: jupyter-skp on c02"):
        plan_image_removal(inventory, fleet, IMAGE, ALL, [])


def test_what_a_container_uses_by_its_digest_is_refused(inventory: Inventory) -> None:
    fleet = fleet_with({}, {"jupyter-skp": "elsewhere"})
    digest = registry_of(fleet).add("skp/x", "1")
    pinned = stored("i-old", digests=(f"localhost:5000/skp/x@{digest}",))
    fleet.connections["c02"].on("GET /images/json", reply([pinned]))
    with pytest.raises(SkpError, match="in use: jupyter-skp on c02"):
        plan_image_removal(inventory, fleet, IMAGE, ALL, [])


def test_while_a_node_can_not_be_asked_the_registry_keeps_it(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", NAME)]}, away=("c03",))
    registry_of(fleet).add("skp/x", "1")
    change = plan_image_removal(inventory, fleet, IMAGE, ALL, [])
    assert items(change) == [
        ("remove", "c01", NAME), ("block", "c01", "skp/x:1 in the registry"),
    ]  # fmt: skip
    assert list(change.unreachable) == ["c03"]


def test_a_node_that_gives_half_an_answer_counts_as_not_asked(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", NAME)]})
    fleet.connections["c03"].on("GET /containers/json", refusal(500, "broken"))
    registry_of(fleet).add("skp/x", "1")
    change = plan_image_removal(inventory, fleet, IMAGE, ALL, [])
    assert items(change)[-1][0] == "block"
    assert "c03: reading its images: broken" in change.unreachable["c03"].what


def test_an_unknown_image_is_told_with_those_that_there_are(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", "localhost:5000/skp/x:2", ours=True)]})
    registry_of(fleet).add("skp/x", "3")
    with pytest.raises(SkpError, match=r"there is no image skp/x:1 .* \(did you mean") as caught:
        plan_image_removal(inventory, fleet, IMAGE, ALL, [])
    assert caught.value.hint == "There are: skp/x:2, skp/x:3"


def test_without_a_registry_nothing_is_removed(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", NAME)]})
    no_registry(fleet.connections["c01"])
    with pytest.raises(NodeError, match="no registry answers"):
        plan_image_removal(inventory, fleet, IMAGE, ALL, [])


def test_superseded_images_are_pruned_and_current_ones_stay(inventory: Inventory) -> None:
    fleet = fleet_with({})
    current = registry_of(fleet).add("skp/x", "1")
    old = stored("sha256:old", digests=("localhost:5000/skp/x@sha256:gone",))
    new = stored("sha256:new", NAME, digests=(f"localhost:5000/skp/x@{current}",))
    fleet.connections["c02"].on("GET /images/json", reply([old, new]))
    change = plan_image_prune(inventory, fleet, ALL)
    assert items(change) == [
        ("keep", "c01", "images"), ("prune", "c02", "images"), ("keep", "c03", "images"),
    ]  # fmt: skip
    assert getattr(change.items[1], "images", ()) == ("sha256:old",)
    assert [d.name for d in change.items[1].differences] == ["skp/x (old)"]


def test_what_is_on_record_is_not_pruned_whatever_the_tag_leads_to(inventory: Inventory) -> None:
    fleet = fleet_with({})
    registry_of(fleet).add("skp/x", "1", content="another's")
    swarm_of(fleet, json.dumps({"skp/x:1": [digest("ours"), digest("before")]}))
    images = [
        stored(f"sha256:{word}", digests=(f"localhost:5000/skp/x@{digest(word)}",))
        for word in ("ours", "before")
    ]
    fleet.connections["c02"].on("GET /images/json", reply(images))
    (_, pruned, _) = plan_image_prune(inventory, fleet, ALL).items
    assert getattr(pruned, "images", ()) == ("sha256:before",)


def test_with_a_record_that_can_not_be_read_nothing_is_removed(inventory: Inventory) -> None:
    fleet = fleet_with({"c01": [stored("i1", NAME)]})
    swarm_of(fleet, "[]")
    registry_of(fleet).add("skp/x", "1")
    with pytest.raises(NodeError, match=r"c01: the Swarm's record .* is of no known form"):
        plan_image_prune(inventory, fleet, ALL)
    with pytest.raises(NodeError, match="is of no known form"):
        plan_image_removal(inventory, fleet, IMAGE, ALL, [])


def test_without_a_registry_nothing_is_pruned(inventory: Inventory) -> None:
    fleet = fleet_with({"c02": [stored("sha256:old", digests=("localhost:5000/skp/x@sha256:g",))]})
    no_registry(fleet.connections["c01"])
    with pytest.raises(NodeError, match="no registry answers"):
        plan_image_prune(inventory, fleet, ALL)


def test_a_node_that_can_not_be_asked_is_told(inventory: Inventory) -> None:
    fleet = fleet_with({}, away=("c02",))
    registry_of(fleet)
    change = plan_image_prune(inventory, fleet, ALL)
    assert list(change.unreachable) == ["c02"]
    assert [item.node for item in change.items] == ["c01", "c03"]


@pytest.mark.parametrize(("away", "names"), [((), ["build cache"]), (("c01",), [])])
def test_the_build_cache_is_the_masters(
    inventory: Inventory, away: tuple[str, ...], names: list[str]
) -> None:
    from cluster.commands.change import Change

    unreachable = {name: NodeError(name, "can't be reached") for name in away}
    change = with_build_cache(Change((), unreachable), inventory)
    assert [item.name for item in change.items] == names
