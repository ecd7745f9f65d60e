"""What a deployment becomes in the Swarm, and what it never can."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.config.secrets import Secret
from tests.support.deployments import COMPOSE, HUB, OWN, SSHD
from workloads import readers
from workloads.build import deployment
from workloads.model import Deployment
from workloads.naming import MARK, Piece, StoredSecret, network, recognised, revision
from workloads.needs import Needs
from workloads.to_service import Granted, specs

KEY = Secret("the cluster's")


def read(folder: Path, name: str, text: str) -> Deployment:
    (folder / "web.env").write_text("A=b\n")
    (folder / name).write_text(text)
    return deployment(readers.read(folder / name))


def granted(wanted: Deployment, *nodes: str, **ports: int) -> Granted:
    images = {part.name: f"localhost:5000/x@sha256:{'0' * 64}" for part in wanted.parts}
    every = {
        f"{copy}/{part.name}/{port.port}/{port.protocol}": 31000 + number
        for copy in range(wanted.replicas)
        for part in wanted.parts
        for number, port in enumerate(part.ports)
    }
    return Granted(
        "vision", 3, "58000:58000", images, every | ports, "net-id",
        nodes or ("",) * wanted.replicas, "/p/projects/vision",
        {name: (StoredSecret("vision", name, 1), "id") for name in ("api-key", "db-password")},
        Needs(1, 1 << 30), KEY, "door-id",
    )  # fmt: skip


def made(wanted: Deployment, *nodes: str) -> dict[str, Mapping[str, Any]]:
    return {spec["Name"]: spec for spec in specs(wanted, granted(wanted, *nodes))}


def container(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = spec["TaskTemplate"]["ContainerSpec"]
    return found


def test_each_container_of_each_copy_is_a_service(tmp_path: Path) -> None:
    found = made(read(tmp_path, "own.yaml", OWN))
    assert list(found) == ["vision_model-server-0_server", "vision_model-server-1_server"]
    spec = found["vision_model-server-1_server"]
    assert spec["Mode"] == {"Replicated": {"Replicas": 1}}
    task = spec["TaskTemplate"]
    assert task["Placement"]["Constraints"] == [
        "node.labels.gpu-type==V100", "node.labels.org==public", "node.labels.gpu-type==V100",
    ]  # fmt: skip
    assert task["Networks"][0]["Aliases"] == [
        "model-server", "model-server-1", "server.model-server", "server.model-server-1",
    ]  # fmt: skip
    assert task["Resources"]["Limits"] == {
        "NanoCPUs": 2 * 10**9, "MemoryBytes": 4 << 30, "Pids": 4096,
    }  # fmt: skip
    reserved = task["Resources"]["Reservations"]["GenericResources"]
    assert reserved == [{"DiscreteResourceSpec": {"Kind": "GPU", "Value": 1}}]
    assert container(spec)["Healthcheck"]["Test"][-1] == "http://127.0.0.1:8000/health"


def test_nobody_is_root_or_has_a_capability_but_who_has_to(tmp_path: Path) -> None:
    spec = container(made(read(tmp_path, "own.yaml", OWN))["vision_model-server-0_server"])
    assert (spec["User"], spec["CapabilityAdd"]) == ("58000:58000", [])
    assert spec["CapabilityDrop"] == ["ALL"]
    assert spec["Privileges"] == {"NoNewPrivileges": True}
    sshd = container(made(read(tmp_path, "myDeploy.py", SSHD), "n1")["vision_jupyter-test-0_sshd"])
    assert sshd["User"] == "0:0"
    assert "CAP_SYS_CHROOT" in sshd["CapabilityAdd"]
    assert not {"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_RAW"} & set(sshd["CapabilityAdd"])
    assert sshd["Privileges"] == {"NoNewPrivileges": True}


def test_only_the_platform_says_which_gpus(tmp_path: Path) -> None:
    for spec in made(read(tmp_path, "myDeploy.py", SSHD), "n1").values():
        said = [each for each in container(spec)["Env"] if "VISIBLE" in each or "DOCKER" in each]
        reserved = spec["TaskTemplate"]["Resources"]["Reservations"]
        none = [] if "GenericResources" in reserved else ["DOCKER_RESOURCE_GPU=void"]
        assert said == ["NVIDIA_VISIBLE_DEVICES=void", *none]


def test_volumes_and_shared_memory(tmp_path: Path) -> None:
    (hub,) = made(replace(read(tmp_path, "myDeploy.py", HUB), replicas=1)).values()
    by_target = {mount["Target"]: mount for mount in container(hub)["Mounts"]}
    assert by_target["/home"]["Source"] == "/p/projects/vision/home"
    assert by_target["/dev/shm"]["TmpfsOptions"]["SizeBytes"] == 16 << 30
    both = made(read(tmp_path, "myDeploy.py", SSHD), "n1")
    shared = [container(spec)["Mounts"][0] for spec in both.values()]
    assert shared[0] == shared[1]
    assert shared[0]["Source"] == "vision_jupyter-test-0_shm16777216"
    assert (
        shared[0]["VolumeOptions"]["DriverConfig"]["Options"]["o"] == "size=17179869184,mode=1777"
    )
    data = container(made(read(tmp_path, "own.yaml", OWN))["vision_model-server-0_server"])
    weights = next(m for m in data["Mounts"] if m["Target"] == "/weights")
    assert weights["Source"] == "/var/lib/skp/mnt/weights"
    assert weights["BindOptions"] == {"Propagation": "rslave"}


def test_ports_are_the_nodes_own_and_those_inside_are_none(tmp_path: Path) -> None:
    spec = made(read(tmp_path, "own.yaml", OWN))["vision_model-server-0_server"]
    assert spec["EndpointSpec"] == {
        "Mode": "dnsrr",
        "Ports": [
            {"Protocol": "tcp", "TargetPort": 8000, "PublishedPort": 31000, "PublishMode": "host"}
        ],
    }


def test_a_new_one_begins_first_where_nothing_is_in_its_way(tmp_path: Path) -> None:
    def order(text: str, *nodes: str) -> str:
        spec = next(iter(made(read(tmp_path, "own.yaml", text), *nodes).values()))
        return str(spec["UpdateConfig"]["Order"])

    assert order(OWN) == "start-first"  # since it says so
    auto = OWN.replace("update: {order: start-first, monitor: 15}\n", "")
    assert order(auto) == "stop-first"  # a port
    inside = auto.replace("      - {port: 8000}\n", "").replace("    host: vision\n", "")
    assert order(inside) == "stop-first"  # a GPU
    assert order(inside.replace("gpus: 1, gpu-type: V100", "gpus: 0")) == "start-first"


def test_labels_tell_ours_from_what_anybody_may_write() -> None:
    piece = Piece("vision", "web", 0, "main")
    labels = piece.labels(2, KEY)
    assert recognised(labels, KEY) == piece
    assert recognised(labels, Secret("another cluster's")) is None
    assert recognised({k: v for k, v in labels.items() if k != MARK}, KEY) is None
    assert recognised({**labels, "skp.deployment": "other/web"}, KEY) is None
    assert recognised({}, KEY) is None


def test_no_two_have_the_same_name() -> None:
    pairs = [
        ("a-b", "c"),
        ("a", "b-c"),
        ("a", "b"),
        ("x" * 32, "y" * 40),
        ("x" * 32, "y" * 39 + "z"),
    ]
    names = [
        Piece(project, name, copy, part).name
        for project, name in pairs
        for copy in (0, 1)
        for part in ("m", "n" * 30)
    ]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 63
    assert len(revision("x" * 32 + "/" + "y" * 40, 12)) <= 63
    assert network("vision") == "skp_vision"


def test_nothing_of_a_file_becomes_a_field_of_the_engine(tmp_path: Path) -> None:
    """Whatever is written in the places where anything may be, it stays a word there."""
    hostile = "--privileged;rm -rf /; $(id) `id` \\n --network=host"
    for text in (
        OWN.replace('["--port", "8000"]', json.dumps([hostile])),
        OWN.replace("{LEVEL: info}", json.dumps({"LEVEL": hostile})),
        COMPOSE.replace(
            '"my shop"', hostile.replace("$", "$$").replace("`", "").replace("\\n", "")
        ),
    ):
        for spec in made(read(tmp_path, "x.yaml", text)).values():
            said = container(spec)
            assert said["Privileges"] == {"NoNewPrivileges": True}
            assert [n["Target"] for n in spec["TaskTemplate"]["Networks"]] in (
                ["net-id"],
                ["net-id", "door-id"],
            )
            assert {m["Type"] for m in said["Mounts"]} <= {"bind", "tmpfs", "volume"}


def test_nothing_at_the_front_door_is_called_like_a_container_of_the_platform(
    tmp_path: Path,
) -> None:
    """With node-0, the account service there is flask-skp-node-0, which the door asks by name."""
    wanted = replace(read(tmp_path, "own.yaml", OWN), name="flask-skp-node")
    (first, *_) = made(wanted).values()
    assert container(first)["Hostname"] == "flask-skp-node-0.vision"
    (part,) = wanted.parts
    alone = replace(wanted, parts=(replace(part, ports=part.ports[:1]),))
    assert container(next(iter(made(alone).values())))["Hostname"] == "flask-skp-node-0"
