"""A drained node runs nothing of ours until it is undrained; the others do not notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lab import NODES, container_ids, on, skp


@pytest.fixture
def in_service(changed: None) -> Iterator[None]:
    yield
    assert skp("docker.undrain", "-h", "c03").code == 0


def availability() -> dict[str, str]:
    format_ = "--format '{{.Hostname}} {{.Availability}}'"
    lines = on("c01", f"docker node ls {format_}").out.splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_a_node_is_drained_stays_so_and_comes_back(in_service: None) -> None:
    before = container_ids()
    on("c03", "docker run -d --name by-hand --entrypoint sleep skp/docker-registry:latest 600")
    drained = skp("docker.drain", "-h", "c03")
    assert drained.code == 0, drained.all
    assert availability() == {"c01": "Active", "c02": "Active", "c03": "Drain"}
    assert list(container_ids(("c03",))["c03"]) == ["by-hand"]
    on("c03", "docker rm -f by-hand")
    assert skp("docker.apply").out.startswith("Nothing to change")
    status = skp("docker.status")
    assert status.code == 0, status.all
    assert "ready, drained" in status.out
    again = skp("docker.drain", "-h", "c03")
    assert again.out.startswith("Nothing to change"), again.all
    back = skp("docker.undrain", "-h", "c03")
    assert back.code == 0, back.all
    assert set(availability().values()) == {"Active"}
    after = container_ids()
    assert {node: set(found) for node, found in after.items()} == {
        node: set(found) for node, found in before.items()
    }
    assert [after[node] for node in NODES[:2]] == [before[node] for node in NODES[:2]]


def test_the_master_can_not_be_drained_and_loses_nothing(changed: None) -> None:
    before = container_ids()
    refused = skp("docker.drain", "-h", "c01")
    assert refused.code == 1
    assert "the master's registry serves all nodes" in refused.out
    assert container_ids() == before


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "one node (-h) is needed"),
        (("-h", "c09"), "no node c09 in"),
        (("-h", "c03", "--nodes", "c02"), "leave --nodes out"),
    ],
)
def test_a_wrong_node_is_refused(platform: None, words: tuple[str, ...], what: str) -> None:
    ran = skp("docker.drain", *words)
    assert ran.code == 2
    assert what in ran.err
