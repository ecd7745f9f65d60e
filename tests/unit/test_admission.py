"""Which image a tag means: by the record, else by what managers run, never by the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config.inventory import Inventory
from cluster.model import admission
from cluster.model.answer import Unanswered
from cluster.model.decisions import Decisions
from cluster.model.digests import parse
from cluster.model.item import Action
from cluster.model.spec import Image, Source
from cluster.model.state import FoundContainer, FoundNode, Membership, State, Swarm
from cluster.plan.digests import plan_digests
from tests.support.described import described
from tests.support.digests import digest

X = Image("skp/x", built_by="docker.image-build-x -t=latest")
OLD, NEW, OTHER = digest("old"), digest("new"), digest("other")
HOSTS: dict[str, Any] = {
    "w01": {"ipv4": "10.0.0.9", "labels": [], "groups": ["worker"]},
    "c02": {"ipv4": "10.0.0.2", "labels": [], "groups": ["manager"]},
    "c03": {"ipv4": "10.0.0.3", "labels": [], "groups": ["manager"]},
    "c01": {"ipv4": "10.0.0.1", "labels": [], "groups": ["master", "manager"]},
}


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return described(tmp_path, HOSTS, {}).inventory


def runs(image: object, name: str = "x-skp", previous: str = "") -> FoundContainer:
    """Return a container of ours that says it was made from this digest of skp/x."""
    told = {"image": {"name": X.reference, "id": image}}
    return FoundContainer(name, "i", X.reference, "running", "x", "", told, previous=previous)


def state(
    running: Mapping[str, str] | None = None, record: str = "", served: str = "", **more: Any
) -> State:
    """Return a state in which nodes run these digests of skp/x; `served` is the registry's."""
    nodes = {
        name: FoundNode(
            name, name, "26", Membership("active"),
            {"x-skp": runs((running or {})[name])} if name in (running or {}) else {},
            images={X: served} if served and name == "c01" else {},
        )
        for name in HOSTS
    }  # fmt: skip
    decisions = Decisions.parse({"skp.digests": record} if record else {})
    return State(nodes | more, {}, Swarm("c01", "s", {}, decisions, {}, {}, ("c01",)))


def on_record(*digests: str) -> str:
    return json.dumps({"skp/x:latest": digests})


def test_what_is_on_record_counts_whatever_the_registry_serves(inventory: Inventory) -> None:
    found = state({"c01": OTHER}, on_record(NEW, OLD), served=OTHER)
    assert admission.identity(inventory, found, X) == NEW
    assert plan_digests(inventory, found) == []


def test_an_image_that_is_not_on_record_and_runs_nowhere_is_none(inventory: Inventory) -> None:
    found = state(served=NEW)
    assert admission.identity(inventory, found, X) == ""
    reason, hint = admission.missing(inventory, found, X)
    assert reason == "no digest is recorded of skp/x:latest: what the registry has may be anybody's"
    assert "./skp.py docker.image-build-x -t=latest builds it" in hint
    assert "./skp.py docker.image-admit skp/x:latest" in hint
    reason, hint = admission.missing(inventory, state(), X)
    assert reason == "the master's registry does not have skp/x:latest"
    assert hint == "./skp.py docker.registry-run, then ./skp.py docker.image-build-x -t=latest"


@pytest.mark.parametrize(
    ("running", "served", "counts"),
    [
        ({"c01": NEW, "c02": NEW, "c03": NEW}, NEW, NEW),
        ({"c01": OLD, "c02": OLD}, NEW, OLD),  # the registry alone decides nothing
        ({"c01": OLD, "c02": NEW, "c03": OLD}, NEW, NEW),  # a roll-out that was interrupted
        ({"c01": OLD, "c02": NEW, "c03": NEW}, "", OLD),  # the master's
        ({"c02": OLD, "c03": NEW}, OTHER, OLD),
        ({"w01": NEW}, NEW, ""),  # a worker is not believed, whatever it and the registry say
        ({"w01": OTHER, "c03": OLD}, OTHER, OLD),
    ],
)
def test_what_managers_run_counts_where_nothing_is_on_record(
    inventory: Inventory, running: dict[str, str], served: str, counts: str
) -> None:
    found = state(running, served=served)
    assert admission.identity(inventory, found, X) == counts
    planned = [(i.action, i.node, i.name, i.verb) for i in plan_digests(inventory, found)]
    item = (Action.RECORD, "c01", "digests", "record the digests that run")
    assert planned == ([item] if counts else [])


@pytest.mark.parametrize("told", ["sha256:x", "", None, 'sha256:"}'])
def test_what_is_no_digest_is_not_recorded(inventory: Inventory, told: Any) -> None:
    found = state({"c01": told})
    assert plan_digests(inventory, found) == []
    assert admission.identity(inventory, found, X) == ""


def test_a_container_that_is_half_made_counts_for_nothing(inventory: Inventory) -> None:
    half = {"x-skp.new": runs(NEW, "x-skp.new")}
    node = FoundNode("c01", "c01", "26", Membership("active"), half)
    assert admission.adopted(inventory, state(c01=node)) == {}


def test_a_streamed_image_is_what_the_masters_engine_has(inventory: Inventory) -> None:
    image = Image("skp/x", source=Source.STREAM)
    node = FoundNode("c01", "c01", "26", Membership("active"), {}, images={image: "sha256:id"})
    assert admission.identity(inventory, state(c01=node, record="nonsense"), image) == "sha256:id"
    assert admission.identity(inventory, State({}, {}, None), image) == ""


@pytest.mark.parametrize(
    "text",
    ["nonsense", "[]", "7", '{"skp/x:latest":[]}', '{"skp/x:latest":"' + NEW + '"}',
     '{"skp/x:latest":["sha256:x"]}', '{"skp/x:latest":[7]}', '{"skp/x:latest":null}'],
)  # fmt: skip
def test_a_record_of_no_known_form_lets_nothing_run(inventory: Inventory, text: str) -> None:
    found = state({"c01": NEW}, text, served=NEW)
    assert admission.identity(inventory, found, X) == ""
    (item,) = plan_digests(inventory, found)
    assert item.is_blocked
    assert "docker.image-admit" in getattr(item, "hint", "")
    assert "is of no known form" in admission.missing(inventory, found, X)[0]
    assert admission.warnings(inventory, found) == []


@given(st.text())
def test_whatever_stands_in_the_label_it_is_a_record_or_unknown(text: str) -> None:
    found = parse(text)
    assert found == {} or isinstance(found, Unanswered)
    kept = Decisions.parse({"skp.digests": text}).stop("x").dumps({"skp.digests": text})
    assert kept.get("skp.digests", "") == ("" if found == {} else text)


def test_another_image_under_a_tag_is_told_with_what_admits_it(inventory: Inventory) -> None:
    found = state({"c01": NEW, "c02": NEW}, on_record(NEW), served=OTHER)
    (told,) = admission.warnings(inventory, found)
    assert told == (
        f"the registry's skp/x:latest is {OTHER}, not the admitted one: nothing runs it; "
        "./skp.py docker.image-admit skp/x:latest, if that was you"
    )
    assert admission.warnings(inventory, state(record=on_record(NEW), served=NEW)) == []
    (strange,) = admission.warnings(inventory, state(record=on_record(NEW), served="\033]52;x"))
    assert "of no known form" in strange
    assert "\033" not in strange


def test_what_runs_on_workers_alone_and_is_not_on_record_is_told(inventory: Inventory) -> None:
    assert admission.warnings(inventory, state({"w01": NEW})) == []  # nobody wants it
    (told,) = admission.warnings(inventory, state({"w01": NEW}, served=NEW))
    assert "skp/x:latest, which runs on w01" in told
    assert "./skp.py docker.image-admit skp/x:latest" in told


@pytest.mark.parametrize(
    ("node", "record", "may"),
    [
        ("c02", "", True),
        ("w01", "", False),
        ("w01", on_record(NEW, OLD), True),
        ("w01", on_record(NEW), False),
        ("w01", "nonsense", False),
    ],
)
def test_only_what_a_manager_says_or_was_on_record_may_be_gone_back_to(
    inventory: Inventory, node: str, record: str, may: bool
) -> None:
    found = runs(NEW, previous=OLD)
    assert admission.may_go_back(inventory, state(record=record), node, found) is may
