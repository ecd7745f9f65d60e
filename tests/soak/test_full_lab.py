"""All services at once: what listens, who reaches it, and how each container is confined."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import brokers
from tests.support.confined import check_confined
from tests.support.lab import NODES, labelled, on, skp, with_spark
from tests.support.scan import ADDRESSES, VIEWS, from_here, from_notebook, listening, table

IMAGES = ("mysql", "flask", "nginx", "gateway", "zookeeper", "kafka")
SERVICES = (
    "registry",
    "jupyter",
    "spark",
    "mysql",
    "airflow",
    "flask",
    "nginx",
    "gateway",
    "zookeeper",
    "kafka",
)
PAGES = {8010, 8020, 8030, 8040, 8060, 8070, 18080}
PUBLISHED = {3306, 9092} | PAGES | {page + 1000 for page in PAGES}


@pytest.fixture(scope="module")
def full(guarded: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every service but Portainer, whose image can't be had.

    And but data volumes: their server here is a node, which the firewall keeps from containers.
    """
    folder = tmp_path_factory.mktemp("full")
    env = labelled(folder / "hosts.json", "mysql", "zookeeper", "kafka")
    with_spark(folder / "hosts.json")
    for name in IMAGES:
        built = skp(f"docker.image-build-{name}", "-t=latest", env=env)
        assert built.code == 0, built.all
    # (What was guarded before was the demo; containers may reach what is published since.)
    for command in ("docker.apply", "host.firewall"):
        done = skp(command, env=env)
        assert done.code == 0, done.all
    yield
    brokers.remove()
    gone = skp("-q", "docker.apply", "--yes", "--busy", "replace")
    on("c01", "sudo rm -rf /home/skp/skp/platform/mysql /home/skp/skp/platform/airflow")
    assert gone.code == 0, gone.all


def test_every_container_is_confined(full: None) -> None:
    check_confined(*SERVICES)


def test_every_port_that_listens_is_in_the_table(full: None) -> None:
    found = {port for node in NODES for port in listening(node)}
    assert found >= PUBLISHED
    assert found <= set(table())


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("node", NODES)
def test_what_answers_is_what_the_table_says(full: None, view: str, node: str) -> None:
    every = sorted(set(table()) | set(listening(node)))
    wanted = {port for port in listening(node) if view in table()[port]}
    assert VIEWS[view](ADDRESSES[node], every) == wanted


@pytest.mark.parametrize(("view", "scan"), [("stranger", from_here), ("container", from_notebook)])
def test_all_other_ports_are_closed(full: None, view: str, scan: object) -> None:
    assert callable(scan)
    wanted = {port for port in listening("c01") if view in table()[port]}
    assert scan(ADDRESSES["c01"], range(1, 65536)) == wanted
