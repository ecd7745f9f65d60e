"""A cluster of an earlier version: it stays as it is, or is moved when a person agrees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_cluster import HOSTS, FakeCluster, after_apply, again

VOLUME, PLATFORM = "/home/skp/skp/volume", "/home/skp/skp/platform"
OLD = f"{VOLUME}/var/registry"


def made(folder: Path, patch: pytest.MonkeyPatch) -> FakeCluster:
    """Return a cluster as an earlier version laid it out."""
    cluster = FakeCluster(folder, patch, HOSTS)
    del cluster.labels["skp.layout"]
    return cluster


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return after_apply(tmp_path_factory.mktemp("made"), made)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: dict[str, Any]) -> FakeCluster:
    found = again(tmp_path, monkeypatch, made, saved)
    found.shared.clear()
    found.master.folders.clear()
    found.master.left.add(OLD)
    return found


def users(cluster: FakeCluster) -> set[str]:
    return {c["Config"]["User"] for m in cluster.machines.values() for c in m.containers.values()}


def test_until_a_person_agrees_all_stays_and_every_apply_says_so(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply") == 0
    said = capsys.readouterr()
    assert "laid out as by an earlier version" in said.err
    assert "Nothing to change" in said.out
    assert cluster.changes() == []
    assert users(cluster) == {"1000:1000"}


def test_what_is_wrong_is_put_right_as_it_was(cluster: FakeCluster) -> None:
    del cluster["c02"].containers["registry-skp"]
    assert cluster.run("docker.apply") == 0
    made = cluster["c02"].containers["registry-skp"]
    assert made["Config"]["User"] == "1000:1000"
    assert made["HostConfig"]["Mounts"][0]["Source"] == OLD


def test_when_a_person_agrees_all_is_moved(cluster: FakeCluster) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    assert cluster.labels["skp.layout"] == "2"
    assert cluster.master.left == set()
    assert cluster.master.folders[f"{PLATFORM}/registry"] == "58011:58011 750 directory"
    assert cluster.master.folders[VOLUME] == "0:58000 3775 directory"
    assert users(cluster) == {"58000:58000", "58011:58011"}
    sources = {
        mount["Source"]
        for found in cluster.containers("registry").values()
        for mount in found["HostConfig"]["Mounts"]
    }
    assert f"{PLATFORM}/registry" in sources
    assert OLD not in sources
    cluster.forget_wire()
    assert cluster.run("docker.apply") == 0
    assert cluster.changes() == []


def test_nothing_is_moved_while_a_container_runs_that_uses_it(cluster: FakeCluster) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    (moved,) = [
        i
        for i, line in enumerate(cluster.wire)
        if line.startswith("c01: run: sudo -n sh -s") and i > 0
    ][1:2]
    gone = re.compile(r"DELETE /containers/c0\d-\d+\?")
    removed = [i for i, line in enumerate(cluster.wire) if gone.search(line)]
    created = [i for i, line in enumerate(cluster.wire) if "POST /containers/create" in line]
    assert len(removed) == 5
    assert max(removed) < moved < min(created)


def test_what_was_agreed_to_goes_on_without_a_question(cluster: FakeCluster) -> None:
    cluster.labels["skp.layout"] = "moving"
    assert cluster.run("docker.apply") == 0
    assert cluster.labels["skp.layout"] == "2"


@pytest.mark.parametrize("words", [("docker.apply", "registry"), ("docker.jupyter-run",)])
def test_in_the_middle_no_service_is_made(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    cluster.labels["skp.layout"] = "moving"
    assert cluster.run(*words) == 1
    assert "docker.apply goes on with it" in capsys.readouterr().out
    assert cluster.changes() == []


def test_a_node_that_is_off_stops_it_before_anything_is_stopped(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.down.add("c03")
    assert cluster.run("docker.apply", "--yes") == 1
    assert "no container may run while data is moved" in capsys.readouterr().out
    assert "skp.layout" not in cluster.labels
    assert cluster.sent("DELETE /containers/") == []


def test_a_node_that_sees_another_folder_stops_it_before_anything_is_stopped(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster["c02"].shared = {}
    assert cluster.run("docker.apply", "--yes") == 1
    said = capsys.readouterr().out
    assert f"{PLATFORM} is not the master's there" in said
    assert "./skp.py nfs.mount-skp" in said
    assert cluster.sent("DELETE /containers/") == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("SKP_UID", "1000", "it would run as the SSH user (user id 1000)"),
        ("REGISTRY_VOLUME", f"{VOLUME}/shelf", f"{VOLUME}/shelf is inside the users' folder"),
    ],
)
def test_a_setting_that_would_not_do_stops_it_before_anything_is_stopped(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], key: str, value: str, said: str
) -> None:
    cluster.settings[key] = value
    assert cluster.run("docker.apply", "--yes") == 1
    assert said in capsys.readouterr().out
    assert cluster.sent("DELETE /containers/") == []
    assert "skp.layout" not in cluster.labels


def test_a_platform_in_the_users_folder_is_refused(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.settings["SKP_PLATFORM"] = f"{VOLUME}/platform"
    assert cluster.run("docker.apply", "--yes") == 2
    assert "is in the users' folder" in capsys.readouterr().err


def test_a_plan_only_says_so(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.run("docker.plan", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert any("earlier version" in warning for warning in told["warnings"])


def test_data_in_an_old_place_of_a_new_cluster_is_not_passed_over(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    cluster.master.left.add(OLD)  # as when the Swarm is begun anew, and the disk is the old one
    del cluster.master.containers["registry-skp"]
    capsys.readouterr()
    assert cluster.run("docker.apply") == 1
    assert f"its data of an earlier version is still in {OLD}" in capsys.readouterr().out
    assert cluster.run("docker.apply", "--yes") == 0
    assert cluster.master.left == set()


def test_without_a_manager_what_runs_says_how_it_is_laid_out(cluster: FakeCluster) -> None:
    cluster.down |= {"c01", "c02"}
    del cluster["c03"].containers["registry-skp"]
    cluster.run("docker.apply")
    assert users(cluster) == {"1000:1000"}


def test_the_next_apply_of_cron_takes_down_what_is_left_without_a_question(
    cluster: FakeCluster,
) -> None:
    cluster.labels["skp.layout"] = "moving"
    cluster.shared[f"{PLATFORM}/.skp"] = "the-marker\n"
    assert cluster.run("docker.apply", "-q") == 0
    assert users(cluster) == {"58000:58000", "58011:58011"}


def test_a_link_where_a_folder_is_to_be_is_told_and_nothing_is_made_through_it(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    cluster.master.folders[f"{VOLUME}/var"] = "58000:58000 777 symbolic link"
    cluster.forget_wire()
    capsys.readouterr()
    assert cluster.run("docker.apply") == 1
    assert f"{VOLUME}/var is no folder, but a symbolic link" in capsys.readouterr().out
    assert not any("sudo -n sh -s" in line for line in cluster.wire)


def test_an_owner_that_was_changed_is_put_right(cluster: FakeCluster) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    cluster.master.folders[f"{VOLUME}/var"] = "58000:58000 755 directory"
    assert cluster.run("docker.apply") == 0
    assert cluster.master.folders[f"{VOLUME}/var"] == "0:0 755 directory"


def test_the_ssh_user_becomes_a_member_of_the_users_group(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    disk = cluster["c02"]._disk
    monkeypatch.setattr(
        cluster["c02"],
        "_disk",
        lambda command: disk(command).replace("1000 1000 58000", "1000 1000"),
    )
    cluster.forget_wire()
    cluster.run("docker.apply")
    (line,) = {line for line in cluster.wire if "usermod" in line}
    assert line.startswith("c02: ")
    assert "groupadd -g 58000" in line


def test_a_setting_with_an_old_default_means_the_new_place_and_that_is_said(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.settings["REGISTRY_VOLUME"] = OLD
    assert cluster.run("docker.apply") == 0
    assert "is meant" not in capsys.readouterr().err
    assert cluster.run("docker.apply", "--yes") == 0
    said = capsys.readouterr().err
    assert f"REGISTRY_VOLUME: {OLD} is where earlier versions had it" in said
    mounts = cluster["c01"].containers["registry-skp"]["HostConfig"]["Mounts"]
    assert f"{PLATFORM}/registry" in {mount.get("Source") for mount in mounts}


def test_the_ssh_user_may_be_root(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for machine in cluster.machines.values():
        disk = machine._disk

        def root(asked: str, disk: Callable[[str], str] = disk) -> str:
            return disk(asked).replace("login:1000 1000 58000", "login:0 0")

        monkeypatch.setattr(machine, "_disk", root)
    assert cluster.run("docker.apply", "--yes") == 0
    assert users(cluster) == {"58000:58000", "58011:58011"}


@pytest.mark.parametrize("name", [".skp", ".moved"])
def test_a_mark_that_could_not_be_read_changes_no_owner(
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    disk = cluster.master._disk

    def unread(asked: str) -> str:
        lines = disk(asked).splitlines()
        gone = [line for line in lines if not line.startswith(f"note:{PLATFORM}/{name}:")]
        return "\n".join([f"unread:{PLATFORM}/{name}", *gone])

    monkeypatch.setattr(cluster.master, "_disk", unread)
    cluster.forget_wire()
    assert cluster.run("docker.apply") == 1
    assert f"{PLATFORM}/{name} could not be read" in capsys.readouterr().out
    assert not any("sudo -n sh -s" in line for line in cluster.wire)


def test_a_platform_that_is_not_mounted_is_not_begun_anew(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """Databases would begin empty on the master's own disk."""
    assert cluster.run("docker.apply", "--yes") == 0
    cluster.shared.clear()
    cluster.master.folders.clear()
    cluster.forget_wire()
    assert cluster.run("docker.apply") == 1
    said = capsys.readouterr().out
    assert f"{PLATFORM} is not the folder that it was: is it mounted there?" in said
    assert f"sudo tee {PLATFORM}/.skp" in said
    assert not any("sudo -n sh -s" in line for line in cluster.wire)


def test_other_users_get_the_data_when_a_person_agrees(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.run("docker.apply", "--yes") == 0
    cluster.settings["SKP_UID"] = "59000"
    assert cluster.run("docker.apply") == 1
    assert "belongs to 58000:58000, and SKP_UID says 59000:59000" in capsys.readouterr().out
    assert users(cluster) == {"58000:58000", "58011:58011"}
    assert cluster.run("docker.apply", "--yes") == 0
    assert users(cluster) == {"59000:59000", "58011:58011"}
    assert cluster.shared[f"{PLATFORM}/.moved"] == "59000:59000\n"


def test_users_are_no_service(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.settings["SKP_UID"] = "58012"
    assert cluster.run("docker.apply", "--yes") == 2
    assert "58012:58012 is among the user ids of the platform's services" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        (f"{VOLUME}/team/nb", "is inside the users' folder"),
        ("/home/skp/skp", "holds the platform's folder"),
        (PLATFORM, "holds the platform's folder"),
    ],
)
def test_notebooks_see_nothing_that_others_may_exchange_and_no_platform(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], volume: str, said: str
) -> None:
    cluster.settings["JUPYTER_VOLUME"] = volume
    assert cluster.run("docker.apply", "--yes") == 1
    assert said in capsys.readouterr().out
    assert cluster.sent("DELETE /containers/") == []


def test_the_question_fits_a_terminal_and_names_what_stops(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: "n\n", raising=False)
    assert cluster.run("docker.apply") == 0
    asked = capsys.readouterr().err.partition("Go on?")[0]
    assert "jupyter-skp, jupyter-skp-c02, registry-skp" in asked
    assert f"{OLD}\n      -> {PLATFORM}/registry" in asked
    assert "net-skp-users (10.91.0.0/20), net-skp-databases (10.91.16.0/20),\n" in asked
    assert "reach MySQL at its node's address" in asked
    assert max(len(line) for line in asked.splitlines()) <= 80
    assert cluster.changes() == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("SKP_NET_OTHERS", "10.1.0.0/16", "10.1.0.0/16 holds the own addresses of c01"),
        ("SKP_NET_OTHERS", "10.88.0.0/14", "10.88.0.0/14 holds addresses of SKP_NET_SUBNET"),
    ],
)
def test_addresses_that_something_else_has_stop_it_before_anything_is_stopped(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], key: str, value: str, said: str
) -> None:
    cluster.settings[key] = value
    assert cluster.run("docker.apply", "--yes") == 2
    assert said in capsys.readouterr().err
    assert cluster.sent("DELETE /containers/") == []
    assert "skp.layout" not in cluster.labels


@pytest.mark.parametrize("attachable", [True, False])
def test_a_network_that_has_the_new_ones_addresses_stops_it_before_anything_is_stopped(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], attachable: bool
) -> None:
    own = [each for each in cluster.networks if each["Name"] == "net-skp"]
    ipam = {"Config": [{"Subnet": "10.91.0.0/24"}]}
    cluster.networks = [*own, {"Name": "theirs", "Attachable": attachable, "IPAM": ipam}]
    assert cluster.run("docker.apply", "--yes") == 1
    assert "the network theirs has addresses of 10.91.0.0/20" in capsys.readouterr().out
    assert cluster.sent("DELETE /containers/") == []
    assert "skp.layout" not in cluster.labels


def test_the_move_brings_the_networks_that_keep_users_code_apart(cluster: FakeCluster) -> None:
    cluster.networks = [each for each in cluster.networks if each["Name"] == "net-skp"]
    assert cluster.run("docker.apply") == 0
    assert [each["Name"] for each in cluster.networks] == ["net-skp"]
    assert cluster.run("docker.apply", "--yes") == 0
    assert {each["Name"] for each in cluster.networks} > {"net-skp", "net-skp-users"}
    on = {c["HostConfig"]["NetworkMode"] for c in cluster.containers("jupyter").values()}
    assert on == {"net-skp-users"}


def test_a_node_that_hosts_json_lacks_stops_it_before_anything_is_stopped(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {**cluster.entries["id-c03"], "ID": "id-c04", "Description": {"Hostname": "c04"}}
    gone["Status"] = {"State": "ready", "Addr": "10.1.0.4"}
    del gone["ManagerStatus"]
    cluster.entries["id-c04"] = gone
    assert cluster.run("docker.apply", "--yes") == 1
    said = capsys.readouterr().out
    assert "it is in the Swarm and not in" in said
    assert "docker.node-rm -h c04" in said
    assert cluster.sent("DELETE /containers/") == []
    gone["Status"]["State"] = "down"
    assert cluster.run("docker.apply", "--yes") == 0
