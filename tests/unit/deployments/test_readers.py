"""Each kind of file says the same deployment as its own program would take it for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError
from tests.support.deployments import COMPOSE, HUB, OWN, SSHD, TANGO
from workloads import readers
from workloads.build import deployment
from workloads.check import SCHEMA
from workloads.form import Form
from workloads.model import (
    Deployment,
    Health,
    Order,
    Part,
    Port,
    Publish,
    Resources,
    VolumeKind,
    Way,
)
from workloads.readers.own import written


def form(folder: Path, name: str, text: str) -> Form:
    (folder / name).write_text(text)
    return readers.read(folder / name)


def read(folder: Path, name: str, text: str) -> Deployment:
    return deployment(form(folder, name, text))


def test_the_sshd_of_the_original(tmp_path: Path) -> None:
    found = read(tmp_path, "myDeploy.py", SSHD)
    sshd, hub = found.parts
    assert (found.name, found.node, found.shm, found.replicas) == (
        "jupyter-test",
        "ai002",
        16 << 30,
        1,
    )
    assert sshd.image == "registry.example.com/bigdata/build/jupyter-test:v0.1"
    assert (sshd.command, sshd.args) == (("/usr/sbin/sshd",), ("-D",))
    assert sshd.ports == (Port(22, 30050),)
    assert sshd.as_root
    assert sshd.resources.gpus == 2
    assert sshd.volumes == {"data": "/data"}
    assert (found.volumes["data"].kind, found.volumes["data"].path) == (VolumeKind.HOST, "/raid")
    assert hub.ports == (Port(8000, Publish.AUTO),)
    assert hub.args == ("-f", "/etc/jupyterhub/jupyterhub_config.py")
    assert hub.env == {"TZ": "Asia/Seoul", "PROXY": "http://proxy:3128"}
    assert not hub.as_root
    assert found.bound == (
        "node ai002", "volumes of a node (data)", "2 containers, which share a node",
    )  # fmt: skip


def test_the_jupyterhub_of_the_original(tmp_path: Path) -> None:
    found = read(tmp_path, "myDeploy.py", HUB)
    assert (found.replicas, found.shm, found.bound) == (2, 16 << 30, ())
    assert {v.name: (v.kind, v.size) for v in found.volumes.values()} == {
        "home": (VolumeKind.NAS, 10 << 30),
        "config": (VolumeKind.NAS, 1 << 30),
    }
    assert found.parts[0].volumes == {"home": "/home", "config": "/srv/config"}


def test_both_spellings_and_no_port(tmp_path: Path) -> None:
    other = HUB.replace("CON_ARGS0", "CON_ARG0").replace('CON_PORT0="8000"\n', 'CON0_GPUS="1"\n')
    (part,) = read(tmp_path, "myDeploy.py", other).parts
    assert part.args == ("-f", "/etc/jupyterhub/jupyterhub_config.py")
    assert part.ports == (Port(60000),)
    assert part.resources.gpus == 1


def test_a_project_of_the_original_is_a_folder(tmp_path: Path) -> None:
    inner = tmp_path / "Deployments" / "test"
    inner.mkdir(parents=True)
    (inner / "myDeploy.py").write_text(HUB)
    (tmp_path / "folder.py").write_text('# which one\nFOLDER="test"\n')
    assert deployment(readers.read(tmp_path)).name == "hub"


def test_what_tangos_generator_writes(tmp_path: Path) -> None:
    brought = form(tmp_path, "deployment.yaml", TANGO)
    found = deployment(brought)
    (part,) = found.parts
    assert (found.name, found.replicas) == ("detector", 2)
    assert part.command == (
        "sh", "-c", "pip list && echo 'it'\"'\"'s ready' 1 && exec python server.py",
    )  # fmt: skip
    assert (part.workdir, part.ports) == ("/workspace", (Port(80),))
    assert part.resources == Resources(2.0, 4096 << 20, 1)
    told = [w.removeprefix(f"{tmp_path}/") for w in brought.warnings]
    assert told == [
        "deployment.yaml:2: build.architecture: not used",
        "deployment.yaml:3: build.accelerator: not used",
        "deployment.yaml:4: build.os: not used",
        "deployment.yaml:6: build.components: not used",
        "deployment.yaml:18: deploy.network.service_host_ip: not used",
        "deployment.yaml:19: deploy.network.service_host_port: 8901: a port is chosen, and told",
        "deployment.yaml:21: deploy.k8s: not used",
    ]


def test_tangos_other_spellings(tmp_path: Path) -> None:
    text = (
        "build: {target_name: r.example.com/x:1}\n"
        "deploy:\n  name: x\n  work_dir: /w\n  entrypoint: run -v 'a b'\n"
        "  network: {service_host_port: 30007}\n  replcas: 2\n"
    )
    brought = form(tmp_path, "deployment.yaml", text)
    (part,) = deployment(brought).parts
    assert (part.command, part.workdir) == (("run", "-v", "a b"), "/w")
    assert part.ports == (Port(30007, 30007),)
    assert [w.rpartition("deployment.yaml:")[2] for w in brought.warnings] == [
        "7: deploy.replcas: not used (did you mean replicas?)"
    ]


def test_a_compose_file(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("# of the shop\nMODE=test\nLANG='C.UTF-8'\n")
    brought = form(tmp_path, "compose.yaml", COMPOSE)
    found = deployment(brought)
    web, cache = found.parts
    assert (found.name, found.replicas, found.shm) == ("shop", 3, 512 << 20)
    assert (found.node, found.placement) == ("c02", (("zone", "a"),))
    assert (found.stop_time, found.order, found.monitor) == (90, Order.START_FIRST, 20)
    assert web.args == ("serve", "--port", "8000", "--title", "my shop")
    assert web.env == {"MODE": "production", "PRICE": "5$", "LANG": "C.UTF-8"}
    assert web.ports == (Port(8000), Port(22, 30010), Port(443), Port(9000, Publish.INSIDE))
    assert web.resources == Resources(1.5, 2 << 30, 1)
    assert web.health == Health(("/check",), interval=5, timeout=2, retries=4, start=60)
    assert (web.secrets, web.volumes) == (("db-password",), {"data": "/srv/data"})
    assert found.volumes["data"].size == 20 << 30
    assert cache == Part(
        "cache", "registry.example.com/shop/cache:7", ("cached",), env={"SIZE": "64", "ON": "true"}
    )
    assert [w.partition("ports: ")[2] for w in brought.warnings] == [
        "8443: a port is chosen, and told"
    ]


def test_our_own(tmp_path: Path) -> None:
    found = read(tmp_path, "deployment.yaml", OWN)
    (part,) = found.parts
    assert (found.project, found.placement) == ("vision", (("gpu-type", "V100"), ("org", "public")))
    assert part.health == Health((), 8000, "/health", 5, 2, 3, 30)
    door = Port(8080, Publish.DOOR, way=Way("vision", False, 100 << 20, 60))
    assert part.ports == (Port(8000), Port(9000, Publish.INSIDE), door)
    assert part.resources == Resources(2.0, 4 << 30, 1, "V100")
    assert found.volumes["weights"].kind is VolumeKind.DATA


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("myDeploy.py", SSHD),
        ("myDeploy.py", HUB),
        ("t.yaml", TANGO),
        ("c.yaml", COMPOSE),
        ("o.yaml", OWN),
    ],
)
def test_what_is_written_is_read_as_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "web.env").write_text("A=b\n")
    first = form(tmp_path, name, text)
    again = form(tmp_path, "own.yaml", written(first.value, SCHEMA))
    assert again.value == first.value
    assert deployment(again) == deployment(first)
    assert again.warnings == ()


WORDS = st.text(max_size=30).filter(lambda t: "\0" not in t and "{{" not in t)


@settings(max_examples=60, deadline=None)
@example(["0E0", "1e3", "~", ".5"], {"A": "0E0"})
@given(
    st.lists(WORDS, min_size=1, max_size=4),
    st.dictionaries(st.from_regex("[A-Z_]{1,8}", fullmatch=True), WORDS),
)
def test_any_words_and_values_are_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, args: list[str], env: dict[str, str]
) -> None:
    value = {
        "name": "x",
        "containers": {"y": {"image": "r.example.com/x:1", "args": args, "env": env}},
    }
    folder = tmp_path_factory.mktemp("any")
    again = form(folder, "own.yaml", written(value, SCHEMA))
    assert again.value == value
    assert deployment(again).parts[0].args == tuple(args)


LEAVES = ["a", "30s", "1g", "x:/y", "K=V", "8000", "..", "$A", "{{.Node}}"]
KEYS = (
    "image", "ports", "volumes", "deploy", "resources", "limits", "memory", "cpus", "environment",
    "secrets", "healthcheck", "test", "placement", "constraints", "devices", "reservations",
    "network", "service_host_port", "entrypoint", "pre_exec", "shm_size", "external",
    "x-skp-size",
)  # fmt: skip
OF_SERVICES = (
    "image", "command", "entrypoint", "environment", "env_file", "ports", "expose", "volumes",
    "secrets", "healthcheck", "shm_size", "stop_grace_period", "working_dir", "mem_limit", "cpus",
    "deploy", "restart", "init", "build",
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70000) | st.sampled_from(["", *LEAVES]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
SERVICES = st.dictionaries(
    st.sampled_from(["a", "B"]),
    st.dictionaries(st.sampled_from(OF_SERVICES), ANY, max_size=5),
    max_size=2,
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.fixed_dictionaries(
            {"services": SERVICES}, optional={"volumes": ANY, "secrets": ANY, "name": ANY}
        ),
        st.fixed_dictionaries({"deploy": ANY, "build": ANY}),
        st.fixed_dictionaries({"name": ANY, "containers": ANY}),
    )
)
def test_whatever_a_file_says_it_is_a_deployment_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    import yaml

    folder = tmp_path_factory.mktemp("whatever")
    try:
        deployment(form(folder, "x.yaml", yaml.safe_dump(value)))
    except ConfigError as error:
        assert f"{folder}/x.yaml" in error.what
