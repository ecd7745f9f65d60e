"""Restarting a family: one after another, each healthy before the next, nobody else's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from cluster.model.spec import Container, Image, Source
from cluster.operations.container_body import config
from tests.support.data_volumes import until
from tests.support.lab import NODES, container_ids, on, skp

Make = Callable[..., None]
RUN = (
    "docker run -d {options} --name {name} --entrypoint busybox skp/docker-registry:latest "
    "sh -c 'trap exit TERM; while true; do busybox sleep 0.2; done'"
)
OURS = "--label skp.service=turn"


@pytest.fixture
def make(platform: None) -> Iterator[Make]:
    """Return a maker of containers; they are gone after the test."""
    made: list[tuple[str, str]] = []

    def one(node: str, name: str, options: str = OURS) -> None:
        made.append((node, name))
        ran = on(node, RUN.format(name=name, options=options))
        assert ran.code == 0, ran.all

    yield one
    for node, name in made:
        on(node, f"docker rm -f {name}")


def state(node: str, name: str) -> Any:
    return json.loads(on(node, f"docker inspect {name} -f '{{{{json .State}}}}'").out)


def moment(text: str) -> datetime:
    head, _, rest = text.partition(".")
    return datetime.fromisoformat(f"{head}.{rest.rstrip('Z')[:6]}+00:00")


def healthy_since(of: Any) -> datetime:
    """Return when the probe first said healthy after the last start."""
    started = moment(of["StartedAt"])
    ends = [moment(entry["End"][:29]) for entry in of["Health"]["Log"] if entry["ExitCode"] == 0]
    return min(end for end in ends if end > started)


def test_each_is_restarted_when_the_last_one_is_healthy(platform: None) -> None:
    before, ids = {n: state(n, "registry-skp") for n in NODES}, container_ids()
    ran = skp("docker.restart", "-n", "registry-skp", "--json")
    assert ran.code == 0, ran.all
    steps = [(s["action"], s["node"], s["name"], s["outcome"]) for s in ran.json["steps"]]
    assert steps == [("restart", node, "registry-skp", "done") for node in NODES]
    after = {node: state(node, "registry-skp") for node in NODES}
    assert all(moment(after[n]["StartedAt"]) > moment(before[n]["StartedAt"]) for n in NODES)
    assert healthy_since(after["c01"]) < moment(after["c02"]["FinishedAt"])
    assert healthy_since(after["c02"]) < moment(after["c03"]["FinishedAt"])
    assert container_ids() == ids, "restarted, not replaced"
    assert skp("docker.apply", "--json").json["changed"] == 0


def test_it_is_in_the_audit_trail(make: Make) -> None:
    make("c02", "turn-skp")
    assert skp("docker.restart", "-n", "turn-skp").code == 0
    last = json.loads(on("c01", "sudo tail -n 1 /var/lib/skp/audit.jsonl").out)
    assert (last["event"], last["command"]) == ("end", "docker.restart")
    assert [(s["action"], s["node"], s["name"]) for s in last["steps"]] == [
        ("restart", "c02", "turn-skp")
    ]


def test_one_that_does_not_get_healthy_stops_the_rest(make: Make) -> None:
    for number, (node, probe) in enumerate(zip(NODES, ("false", "true", "true"), strict=True), 1):
        options = f"{OURS} --health-interval 1s --health-cmd 'busybox {probe}'"
        make(node, f"turn-skp-{number}", options)
    before = {node: state(node, f"turn-skp-{n}") for n, node in enumerate(NODES, 1)}
    ran = skp("docker.restart", "-n", "turn-skp", "--timeout", "3", "--json")
    assert ran.code == 1
    outcomes = {s["node"]: (s["outcome"], s["detail"]) for s in ran.json["steps"]}
    assert outcomes["c01"][0] == "failed"
    assert "turn-skp-1 is " in outcomes["c01"][1]
    assert outcomes["c02"][0] == outcomes["c03"][0] == "skipped"
    for number, node in ((2, "c02"), (3, "c03")):
        assert state(node, f"turn-skp-{number}")["StartedAt"] == before[node]["StartedAt"]


def test_what_is_paused_or_ended_is_restarted_too(make: Make) -> None:
    make("c02", "turn-skp-1")
    make("c03", "turn-skp-2")
    on("c02", "docker pause turn-skp-1")
    on("c03", "docker kill turn-skp-2")
    ran = skp("docker.restart", "-n", "turn-skp")
    assert ran.code == 0, ran.all
    assert state("c02", "turn-skp-1")["Status"] == "running"
    assert state("c03", "turn-skp-2")["Status"] == "running"


def test_a_strangers_container_is_refused(make: Make) -> None:
    make("c02", "theirs", "--label not=ours")
    before = state("c02", "theirs")
    ran = skp("docker.restart", "-n", "theirs")
    assert ran.code == 1
    assert "c02 theirs: the container theirs is not ours" in ran.out
    assert state("c02", "theirs") == before


def test_dry_restarts_nothing(platform: None) -> None:
    before = state("c02", "registry-skp")["StartedAt"]
    ran = skp("docker.restart", "-n", "registry-skp", "--dry")
    assert ran.code == 0
    assert "3 planned" in ran.out
    assert state("c02", "registry-skp")["StartedAt"] == before


def test_nodes_limits_what_is_restarted(platform: None) -> None:
    before = {node: state(node, "registry-skp")["StartedAt"] for node in NODES}
    assert skp("docker.restart", "-n", "registry-skp", "--nodes", "c02").code == 0
    after = {node: state(node, "registry-skp")["StartedAt"] for node in NODES}
    assert [node for node in NODES if after[node] != before[node]] == ["c02"]


def test_a_node_that_can_not_be_reached_is_named_and_the_others_are_restarted(
    make: Make, unreachable: Callable[[str], dict[str, str]]
) -> None:
    make("c01", "turn-skp-1")
    before = state("c01", "turn-skp-1")
    ran = skp("docker.restart", "-n", "turn-skp", env=unreachable("c03"))
    assert ran.code == 1
    assert "! c03: " in ran.out
    assert state("c01", "turn-skp-1")["StartedAt"] != before["StartedAt"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("-n", "registry-spk"), 1, "did you mean registry-skp?"),
        ((), 2, "a container or its family (-n) is needed"),
    ],
)
def test_wrong_words_say_what_there_is(
    platform: None, words: tuple[str, ...], code: int, message: str
) -> None:
    ran = skp("docker.restart", *words)
    assert ran.code == code
    assert message in ran.err


def removed(network: str) -> bool:
    return on("c01", f"docker network rm {network}").code == 0


@pytest.fixture
def networks(platform: None) -> Iterator[tuple[str, str]]:
    """Make two networks of which the worker has no container."""
    made = ("one", "other")
    for name in made:
        assert on("c01", f"docker network create -d overlay --attachable {name}").code == 0
    yield made
    for name in made:  # Swarm is told a moment later that a container has gone
        until(partial(removed, name), 20)


@pytest.fixture
def alone(networks: tuple[str, str]) -> Iterator[Callable[[], None]]:
    """Return a maker of a node's only container of two networks, as SKP tells the engine of one."""
    wanted = Container(
        node="c02",
        name="alone",
        service="turn",
        image=Image("skp/docker-registry", source=Source.STREAM),
        network=networks[0],
        also_on=networks[1:],
        entrypoint=("busybox", "sleep", "60"),
    )
    told = json.dumps(config(wanted, {}))
    asked = (
        "docker rm -f alone; "
        "curl -sS --fail-with-body --unix-socket /var/run/docker.sock -H 'Content-Type: "
        f"application/json' -d '{told}' 'http://engine/v1.44/containers/create?name=alone'"
    )

    def make() -> None:
        ran = on("c02", asked)
        assert ran.code == 0, ran.all

    make()
    yield make
    on("c02", "docker rm -f alone")


def test_a_container_of_several_networks_can_be_started_whichever_the_engine_joins_first(
    alone: Callable[[], None],
) -> None:
    starts, end = 0, time.monotonic() + 120
    while starts < 20:
        assert time.monotonic() < end
        ran = on("c02", "docker start alone && docker kill alone")
        if "context deadline exceeded" in ran.err:  # Swarm was slow: it can't be started any more
            alone()
            continue
        assert ran.code == 0, ran.all
        starts += 1
