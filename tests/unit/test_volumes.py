"""Data volumes: when they are on, on which nodes they are, and what their containers may do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import services
from cluster.config.secrets import Secret, StoredSecrets, resolve
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.item import Action, Blocked, Keep
from cluster.model.spec import Container, Image, Mount
from cluster.model.state import FoundNode, Membership, State
from cluster.operations.folders import preparing
from cluster.plan.containers import Rules, missing_prerequisites
from services.volumes import apparmor
from services.volumes import mounts as volume_ops
from services.volumes.service import SERVICE
from services.volumes.sshfs import authorized
from tests.support.described import described

ON = {"SSHFS_ID": "data", "SSHFS_HOST": "files.example", "SSHFS_VOLUME": "/srv/data"}
NOTHING = State({}, {}, None)
HOSTS = {
    "c01": {"ipv4": "10.1.0.1", "labels": [{"jupyter": "enable"}], "groups": ["master", "manager"]},
    "c02": {"ipv4": "10.1.0.2", "labels": [], "groups": ["worker"]},
}


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[..., Cluster]:
    """Return a maker of a cluster of two nodes with the given settings."""

    return lambda **values: described(tmp_path, HOSTS, values)


def test_all_off_there_is_none(cluster: Callable[..., Cluster]) -> None:
    assert list(SERVICE.containers(cluster(), NOTHING)) == []
    assert "no data volume is switched on" in SERVICE.no_host_error(cluster()).what


def test_it_runs_where_somebody_sees_it(cluster: Callable[..., Cluster]) -> None:
    (only,) = SERVICE.containers(cluster(**ON), NOTHING)
    assert (only.node, only.name) == ("c01", "volume-skp-sshfs-c01")


def test_consumers_have_no_privilege_and_cannot_write_beside_a_volume(
    cluster: Callable[..., Cluster],
) -> None:
    (consumer,) = services.catalogue()["jupyter"].containers(cluster(**ON), NOTHING)
    (mount,) = [m for m in consumer.mounts if m.target == "/root/mnt"]
    assert (mount.read_only, mount.propagation) == (True, "rslave")
    assert consumer.capabilities == consumer.devices == consumer.security == ()


@pytest.mark.parametrize("empty", ON)
def test_half_filled_settings_are_refused(cluster: Callable[..., Cluster], empty: str) -> None:
    with pytest.raises(ConfigError, match=rf'env.sh:\d: {empty}: "" found'):
        SERVICE.hosts(cluster(**{**ON, empty: ""}))


def container(*mounts: Mount) -> Container:
    return Container("c01", "x", "x", Image("skp/x"), mounts=mounts, user="1000:100")


def test_a_folder_is_made_as_its_owners() -> None:
    own, roots = Mount("/a", "/x", create=True), Mount("/b", "/y", create=True, owner="0:0")
    assert "install -d -o 1000 -g 100 /a" in preparing(container(own))
    assert "install -d -o 0 -g 0 /b" in preparing(container(roots))


def test_the_mountpoint_of_a_mount_within_another_is_made() -> None:
    outer, inner = Mount("/out side", "/root/mnt", create=True), Mount("/dfs", "/root/mnt/dfs")
    assert "test -d '/out side/dfs'" in preparing(container(inner, outer))
    assert "/dfs" not in preparing(container(outer))


def test_only_a_folder_whose_mounts_are_shared_is_made_a_shared_mount() -> None:
    shared = Mount("/a", "/x", propagation="rslave", create=True)
    assert "mount --make-rshared /a" in preparing(container(shared))
    assert "mount" not in preparing(container(Mount("/a", "/x", create=True)))


CLOUD = {
    "S3_ACCOUNT": "data", "S3_ACCESS_ID": "id", "S3_ACCESS_KEY": "s3-key",
    "BLOB_ACCOUNT_NAME": "data", "BLOB_ACCOUNT_KEY": "QmxvYg==", "BLOB_CONTAINER_NAME": "data",
}  # fmt: skip


def test_all_on_there_is_one_for_each(cluster: Callable[..., Cluster]) -> None:
    found = SERVICE.containers(cluster(**ON, **CLOUD), NOTHING)
    assert [c.command for c in found] == [("run", name) for name in ("sshfs", "s3", "blob")]


def test_what_a_container_is_told_holds_no_key(cluster: Callable[..., Cluster]) -> None:
    found = SERVICE.containers(cluster(**CLOUD), NOTHING)
    assert not any(key in str(c) for c in found for key in ("s3-key", "QmxvYg"))


def test_a_key_that_is_not_given_is_not_generated(cluster: Callable[..., Cluster]) -> None:
    resolved = resolve(cluster().settings, StoredSecrets(), {})
    assert "S3_ACCESS_KEY" not in resolved.generated
    assert "S3_ACCESS_KEY" not in resolved.stored.values
    assert resolved.values["S3_ACCESS_KEY"].reveal() == ""


def test_a_key_that_is_given_is_known_and_not_kept(cluster: Callable[..., Cluster]) -> None:
    resolved = resolve(cluster(**CLOUD).settings, StoredSecrets(), {})
    assert resolved.values["S3_ACCESS_KEY"].reveal() == "s3-key"
    assert "S3_ACCESS_KEY" not in resolved.stored.values


@pytest.mark.parametrize(
    ("verb", "state", "action"),
    [
        ("umount", "mounted", Action.RUN),
        ("umount", "unmounted by hand", Action.KEEP),
        ("umount", "not mounted", Action.RUN),
        ("mount", "unmounted by hand", Action.RUN),
        ("mount", "mounted", Action.KEEP),
    ],
)
def test_only_what_is_not_as_wished_is_told(
    cluster: Callable[..., Cluster], verb: str, state: str, action: Action
) -> None:
    row = {"node": "c01", "volume": "s3", "state": state}
    step = volume_ops.planned(cluster(**CLOUD), row, verb)
    assert (step.action, step.name) == (action, "volume-skp-s3-c01")
    assert isinstance(step, Keep) or step.command == ("volume-skp", verb)  # type: ignore[attr-defined]


def test_a_container_that_is_not_there_is_said(cluster: Callable[..., Cluster]) -> None:
    row = {"node": "c01", "volume": "s3", "ok": False, "error": "No such container"}
    step = volume_ops.planned(cluster(**CLOUD), row, "umount")
    assert isinstance(step, Blocked)
    assert step.reason == "No such container"
    assert "docker.apply volumes" in step.hint


KEY = "ssh-ed25519 AAAAours"
ONLY = f'restrict,command="internal-sftp" {KEY} skp\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ONLY),
        ("ssh-rsa AAAAtheirs bob\n", f"ssh-rsa AAAAtheirs bob\n{ONLY}"),
        ("ssh-rsa AAAAtheirs bob", f"ssh-rsa AAAAtheirs bob\n{ONLY}"),
        (f"{KEY} skp\n# end\n", f"# end\n{ONLY}"),
        (ONLY, ONLY),
    ],
    ids=["none", "another", "without an end", "of an earlier version", "it is there"],
)
def test_the_key_is_for_files_alone(before: str, after: str) -> None:
    assert authorized(before, KEY) == after


def with_files(files: dict[str, str]) -> State:
    node = FoundNode("c01", "c01", "26", Membership("active"), {}, owner="1000:1000", files=files)
    return State({"c01": node}, {}, None)


def test_only_where_the_kernel_has_apparmor_the_profile_is_named(
    cluster: Callable[..., Cluster],
) -> None:
    for files, option in (({}, "unconfined"), ({apparmor.PROFILE.path: ""}, "skp-fuse")):
        (only,) = SERVICE.containers(cluster(**ON), with_files(files))
        assert only.security == (f"apparmor={option}",)


def test_a_container_waits_for_its_profile(cluster: Callable[..., Cluster]) -> None:
    for found, waits in (("", True), (apparmor.PROFILE.signature, False)):
        state = with_files({apparmor.PROFILE.path: found})
        (only,) = SERVICE.containers(cluster(**ON), state)
        rules = Rules(lambda _: "id", "/home", Secret("key"), "c01")
        reason, _ = missing_prerequisites(only, state, rules)
        assert (reason != "") is waits


def test_the_profile_allows_what_the_container_may_and_to_mount_nothing_else(
    cluster: Callable[..., Cluster],
) -> None:
    (only,) = SERVICE.containers(cluster(**ON), NOTHING)
    lines = [line.strip(" ,") for line in apparmor.PROFILE.content.splitlines()]
    capabilities = {line.split()[1].upper() for line in lines if line.startswith("capability ")}
    assert capabilities == set(only.capabilities)
    mounting = [line for line in lines if "mount" in line and not line.startswith("#")]
    assert mounting == ["mount fstype=fuse.* -> /mnt/*/", "umount /mnt/*/"]


@pytest.mark.skipif(shutil.which("apparmor_parser") is None, reason="apparmor is not installed")
def test_the_parser_takes_the_profile() -> None:
    words = ["apparmor_parser", "--skip-kernel-load", "--skip-cache"]
    subprocess.run(words, input=apparmor.PROFILE.content, text=True, check=True, timeout=60)


@pytest.mark.parametrize("parser", [True, False])
def test_a_machine_without_the_parser_is_not_stopped_by_the_profile(
    tmp_path: Path, parser: bool
) -> None:
    profile, program, told = tmp_path / "profile", tmp_path / "parser", tmp_path / "told"
    profile.touch()
    if parser:
        program.write_text(f'#!/bin/sh\necho "$@" >{told}\n')
        program.chmod(0o755)
    then = apparmor.PROFILE.then.replace(apparmor.PROFILE.path, str(profile))
    subprocess.run(["sh", "-c", then.replace("/sbin/apparmor_parser", str(program))], check=True)
    assert told.exists() is parser
