"""What the engine is told of a container; `test_all` shows the whole request."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cluster.config.secrets import Secret
from cluster.model.spec import Mount, Port, SecretFile
from cluster.model.state import LABEL_BUSY, LABEL_FIELDS, LABEL_PREVIOUS, LABEL_SPEC
from cluster.operations.container_body import config, labels
from tests.support.scenes import CONTAINER, DIGEST, HUSH, KEY, found

OTHER = "sha256:other"


def body(**changes: Any) -> dict[str, Any]:
    return config(replace(CONTAINER, **changes), {})


def host_config(**changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = body(**changes)["HostConfig"]
    return told


def test_a_container_of_the_node_s_own_network_publishes_nothing_and_has_no_name_of_its_own() -> (
    None
):
    told = body(network="host", ports=(Port(8080, 80),))
    assert (told["Hostname"], told["ExposedPorts"]) == ("", {})
    assert told["HostConfig"]["PortBindings"] == {}
    assert "NetworkingConfig" not in told


def test_ports_are_published_on_the_address_that_is_named() -> None:
    ports = (Port(8080, 80), Port(53, 53, "udp", "10.0.0.1"))
    assert body(ports=ports)["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert host_config(ports=ports)["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "8080"}],
        "53/udp": [{"HostIp": "10.0.0.1", "HostPort": "53"}],
    }


@pytest.mark.parametrize(
    ("changes", "size"), [({}, 1 << 30), ({"shm": 3 << 20}, 3 << 20), ({"memory": 0}, 0)]
)
def test_half_of_the_memory_may_be_shared_memory(changes: dict[str, int], size: int) -> None:
    assert host_config(**{"memory": 2 << 30, **changes})["ShmSize"] == size


def test_at_its_default_it_makes_no_other_container_of_one_that_runs() -> None:
    same, other = (replace(CONTAINER, shm=size).described("i", KEY) for size in (0, 1))
    assert same == CONTAINER.described("i", KEY) != other


def test_a_host_name_is_no_longer_than_a_label_of_dns() -> None:
    assert body(name=70 * "x")["Hostname"] == 63 * "x"


def test_what_the_image_says_is_left_where_nothing_else_is_wanted() -> None:
    assert not {"Cmd", "Entrypoint", "Healthcheck"} & set(body(command=(), probe=None))
    assert body(entrypoint=("/bin/tini",))["Entrypoint"] == ["/bin/tini"]


def test_a_container_is_known_by_its_name_and_aliases() -> None:
    endpoints = body(aliases=("x",))["NetworkingConfig"]["EndpointsConfig"]
    assert endpoints == {"net-skp": {"Aliases": ["x-skp", "x"]}}


def test_a_container_is_on_all_its_networks_from_its_creation_on() -> None:
    told = body(aliases=("x",), also_on=("net-skp-users",))
    named = {"Aliases": ["x-skp", "x"]}
    assert told["NetworkingConfig"]["EndpointsConfig"] == {"net-skp": named, "net-skp-users": named}
    # The engine looks up a network named here at each start, and may do so before it has joined it.
    assert told["HostConfig"]["NetworkMode"] == "default"


def test_limits_and_devices_are_told_in_the_engine_s_units() -> None:
    told = host_config(memory=1 << 30, cpus=1.5, devices=("/dev/fuse",), gpus=-1)
    assert (told["Memory"], told["NanoCpus"]) == (1 << 30, 1_500_000_000)
    assert told["Devices"][0]["PathInContainer"] == "/dev/fuse"
    assert told["DeviceRequests"] == [{"Driver": "nvidia", "Capabilities": [["gpu"]], "Count": -1}]


def test_no_container_gains_privileges() -> None:
    told = host_config(security=("apparmor=unconfined",), capabilities=("SYS_ADMIN",))
    assert told["SecurityOpt"] == ["no-new-privileges", "apparmor=unconfined"]
    assert told["CapAdd"] == ["SYS_ADMIN"]
    assert told["CapDrop"] == ["ALL"]


def test_no_container_takes_all_processes_of_a_node() -> None:
    assert host_config()["PidsLimit"] == 4096
    assert host_config(pids=512)["PidsLimit"] == 512


def test_a_container_may_have_no_place_to_write_but_memory_of_its_own() -> None:
    told = host_config(read_only=True, scratch=("/tmp",))
    assert told["ReadonlyRootfs"] is True
    assert told["Tmpfs"] == {"/tmp": "rw,exec,nosuid,nodev,size=64m,mode=1777"}


def test_a_log_is_bounded_and_of_the_form_that_collectors_read() -> None:
    told = host_config()["LogConfig"]
    assert told == {"Type": "json-file", "Config": {"max-size": "20m", "max-file": "3"}}


def test_a_container_of_the_engines_private_network_has_no_aliases_there() -> None:
    told = body(network="bridge", aliases=("x",))
    assert told["HostConfig"]["NetworkMode"] == "bridge"
    assert "NetworkingConfig" not in told


@pytest.mark.parametrize(
    ("mount", "recursive"),
    [
        (Mount("/a", "/b", read_only=True), True),
        (Mount("/a", "/b", propagation="rslave"), True),
        (Mount("/a", "/b", read_only=True, propagation="rslave"), False),
    ],
)
def test_what_is_mounted_beneath_later_is_as_writable_as_it_is_itself(
    mount: Mount, recursive: bool
) -> None:
    (told,) = host_config(mounts=(mount,), files=())["Mounts"]
    assert told["ReadOnly"] == mount.read_only
    assert told["BindOptions"]["Propagation"] == mount.propagation
    assert ("ReadOnlyNonRecursive" in told["BindOptions"]) == (not recursive)


def test_what_is_its_own_on_disk_is_made_by_the_engine_and_goes_with_it() -> None:
    mounts = host_config(mounts=(), files=(), disk=("/tmp",))["Mounts"]
    assert mounts == [{"Type": "volume", "Target": "/tmp"}]


def test_files_are_mounted_for_reading_alone_and_their_content_is_not_told() -> None:
    told = body()
    assert told["HostConfig"]["Mounts"][-1] == {
        "Type": "bind",
        "Source": "/var/lib/skp/files/x-skp",
        "Target": "/run/skp",
        "ReadOnly": True,
    }
    assert HUSH not in json.dumps(told)


def test_labels_say_what_a_container_was_made_from_without_its_secrets() -> None:
    made = labels(CONTAINER, DIGEST, None, KEY)
    assert json.loads(made[LABEL_FIELDS])["image"]["id"] == DIGEST
    assert HUSH not in json.dumps(made)


def test_another_secret_is_another_specification() -> None:
    other = replace(
        CONTAINER, files=(SecretFile("password", Secret("another")), CONTAINER.files[1])
    )
    assert (
        labels(CONTAINER, DIGEST, None, KEY)[LABEL_SPEC]
        != (labels(other, DIGEST, None, KEY)[LABEL_SPEC])
    )


def test_what_is_asked_of_a_container_is_no_part_of_its_specification() -> None:
    asked = labels(replace(CONTAINER, busy=("is-busy", "now")), DIGEST, None, KEY)
    assert asked[LABEL_BUSY] == '["is-busy", "now"]'
    assert asked[LABEL_SPEC] == labels(CONTAINER, DIGEST, None, KEY)[LABEL_SPEC]


def previous(there: str, before: str, wanted: str = DIGEST) -> str | None:
    fields = {"image": {"id": there}} if there else {}
    old = found(CONTAINER, previous=before, fields=fields)
    return labels(CONTAINER, wanted, old, KEY).get(LABEL_PREVIOUS)


def test_the_image_that_is_replaced_is_remembered_for_a_rollback() -> None:
    assert previous(OTHER, "sha256:older") == OTHER


def test_a_change_of_something_else_keeps_what_was_remembered() -> None:
    assert previous(DIGEST, "sha256:older") == "sha256:older"
    assert previous("", "sha256:older") == "sha256:older"


def test_the_first_container_has_no_image_to_go_back_to() -> None:
    assert previous(DIGEST, "") is None
    assert LABEL_PREVIOUS not in labels(CONTAINER, DIGEST, None, KEY)
