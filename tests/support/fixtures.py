"""States of the practice cluster that tests of several files begin with; a plugin of pytest."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import deployed, layers, stand_in
from tests.support.lab import (
    HOSTS,
    MINUTES,
    ROOT,
    SHIPPED,
    Ran,
    container_ids,
    host_docker,
    inventory,
    on,
    restore,
    run,
    skp,
    with_spark,
)
from tests.support.phases import IS_APART, modules
from tests.support.spark import opened


@pytest.fixture(scope="session")
def engine() -> None:
    """A working Docker Engine on this machine."""
    made = run("bin/setup", "--dev", seconds=15 * MINUTES)
    assert made.code == 0, made.all


@pytest.fixture(scope="session")
def demo() -> Ran:
    """What README's first command says."""
    return run("bin/demo", seconds=45 * MINUTES, env=SHIPPED)


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[None]:
    """The demo's cluster, which every test finds and leaves in the same state."""
    if IS_APART:
        stand_in.begin()
        restore()
        yield
        return
    demo = request.getfixturevalue("demo")
    assert demo.code == 0, demo.all
    with layers.made_ahead(modules(request.session)):
        restore()
        yield


@pytest.fixture(scope="module")
def guarded(platform: None) -> Iterator[None]:
    """The nodes have the firewall, as host.install leaves real machines; taken back afterwards."""
    made = skp("host.firewall")
    assert made.code == 0, made.all
    yield
    undone = skp("host.firewall", "--undo")
    assert undone.code == 0, undone.all


@pytest.fixture
def changed(platform: None) -> Iterator[None]:
    """For a test that changes the cluster: puts it right again afterwards.

    It begins without kernels that other tests began: a server with kernels is not replaced.
    """
    busy = "docker exec jupyter-skp /opt/skp/bin/jupyter-busy && docker restart jupyter-skp"
    if on("c01", busy).code == 0:
        assert skp("docker.apply", "-q").code == 0
    yield
    restore()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Return a maker of an environment in which some settings are others."""

    def make(**changed: str) -> dict[str, str]:
        lines = [f"source {ROOT}/bin/env.sh"]
        lines += [f"export {key}={shlex.quote(value)}" for key, value in changed.items()]
        path = tmp_path / "env.sh"
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o600)
        return {"SKP_ENV": str(path)}

    return make


@pytest.fixture
def powered(changed: None) -> Iterator[Callable[[str], None]]:
    """Return a switch that powers nodes off; they are on again after the test."""
    off: list[str] = []

    def switch(node: str) -> None:
        off.append(node)
        assert host_docker("kill", node).code == 0

    yield switch
    for node in off:
        host_docker("start", node)


@pytest.fixture
def unreachable(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a maker of an environment in which one node can't be reached.

    Its inventory names a port where nothing listens: cheaper than to power the node off.
    """

    def make(node: str) -> dict[str, str]:
        hosts = inventory()
        hosts[node]["port"] = 1
        path = tmp_path / "hosts.json"
        path.write_text(json.dumps(hosts))
        return {"SKP_HOSTS": str(path)}

    return make


@pytest.fixture(scope="module")
def spark(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A running Spark, and a notebook server that knows of it; the tests of others have none."""
    path = tmp_path_factory.mktemp("spark") / "hosts.json"
    path.write_text(HOSTS.read_text())
    with_spark(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKP_HOSTS", str(path))
        # (Options of a -run are kept until -rm: another test may have given some.)
        for words in (["docker.jupyter-rm"], ["docker.jupyter-run"], ["docker.spark-run"]):
            ran = skp(*words)
            assert ran.code == 0, ran.all
        yield
        removed = skp("docker.spark-rm")
        assert removed.code == 0, removed.all
        assert not [name for found in container_ids().values() for name in found if "spark" in name]
    restore()


@pytest.fixture(scope="module")
def notebook(spark: None) -> Iterator[Any]:
    """A kernel of JupyterLab's own server."""
    with opened() as client:
        yield client
    on("c01", "sudo rm -rf /mnt/dfs/spark-lab")


@pytest.fixture(scope="module")
def image_of_deployments(platform: None) -> Iterator[None]:
    """The cluster's registry has what deployments of tests run; what they leave goes at the end."""
    deployed.built()
    yield
    deployed.forget()


@pytest.fixture
def no_deployments(image_of_deployments: None) -> Iterator[None]:
    """A test may make deployments, which are taken away after it."""
    yield
    deployed.clear()
