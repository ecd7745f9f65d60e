"""A whole life of labs on the real engine, in a second lab beside the one that others use."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import lab
from lab import LabConfig, LabError, uplink
from lab.image import BASE

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parent.parent.parent
PORT = 18010


class Heard(list[str]):
    """What the lab said, to be asked for a part of it."""

    def said(self, part: str) -> bool:
        return any(part in line for line in self)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def base(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabConfig]:
    config = LabConfig(
        checkout=ROOT,
        name="skp-lab-t",
        prefix="t",
        subnet="10.98.0.0/24",
        folder=tmp_path_factory.mktemp("lab") / "state",
        ports=(PORT,),
    )
    lab.down(config=config, say=lambda _: None)
    yield config
    lab.down(config=config, say=lambda _: None)


@pytest.fixture
def one(base: LabConfig) -> LabConfig:
    """A lab of one node that is up."""
    lab.up(1, publish=False, config=base, say=lambda _: None)
    return base


@pytest.fixture
def none(base: LabConfig) -> LabConfig:
    """No lab."""
    lab.down(config=base, say=lambda _: None)
    return base


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=90, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


def ssh(config: LabConfig, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ssh", "-F", str(config.state / "ssh_config"), "-o", "BatchMode=yes", *options,
         config.address("t01"), command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def labelled(config: LabConfig) -> list[str]:
    chosen = ("--filter", f"label=skp.lab.name={config.name}", "-q")
    kinds = (("ps", "-a"), ("volume", "ls"), ("network", "ls"))
    return [line for kind in kinds for line in docker(*kind, *chosen).splitlines()]


def test_a_second_up_changes_nothing(one: LabConfig, heard: Heard) -> None:
    before = docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", "t01")
    outcome = lab.up(1, config=one, say=heard.append)
    assert not outcome.changed
    assert heard == ["already up: t01"]
    assert docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", "t01") == before


def test_the_status_of_a_node_that_is_well(one: LabConfig) -> None:
    (node,) = lab.status(one)
    assert node.healthy
    assert (node.name, node.address, node.checkout) == ("t01", "10.98.0.11", str(ROOT))


def test_the_user_has_sudo_and_the_engine(one: LabConfig) -> None:
    done = ssh(one, "id -un && sudo -n id -un && docker info --format '{{.Name}} {{.Driver}}'")
    assert done.stdout.split() == ["skp", "root", "t01", "overlay2"], done.stderr


def test_the_master_has_the_base_that_this_machine_has_already_made(one: LabConfig) -> None:
    words = ("images", "-q", "--no-trunc", BASE)
    assert docker("exec", "t01", "docker", *words) == docker(*words) != ""


def test_root_is_refused(one: LabConfig) -> None:
    done = ssh(one, "true", "-l", "root")
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_an_unknown_host_key_is_refused(one: LabConfig, tmp_path: Path) -> None:
    done = ssh(one, "true", "-o", f"UserKnownHostsFile={tmp_path / 'empty'}")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_the_shared_folders_are_the_users_and_hold_the_checkouts_tree(one: LabConfig) -> None:
    done = ssh(one, "stat -c %u /home/skp/skp/volume /mnt/dfs; cd skp/volume && find . -type f")
    owners, files = done.stdout.split()[:2], done.stdout.split()[2:]
    tracked = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "."],
        cwd=ROOT / "volume", capture_output=True, text=True, timeout=30, check=True,
    ).stdout.split()  # fmt: skip
    assert owners == ["1000", "1000"]
    assert set(tracked) >= {name.removeprefix("./") for name in files} or not tracked
    assert {t for t in tracked if not t.endswith(".gitkeep")} <= {
        f.removeprefix("./") for f in files
    }


def test_a_node_keeps_its_key_and_gets_its_engine_back_after_a_restart(one: LabConfig) -> None:
    docker("exec", "t01", "docker", "volume", "create", "kept")
    for action in (("restart", "-t", "20"), ("kill",)):
        docker(*action, "t01")
        lab.up(1, config=one, say=lambda _: None)
        docker("exec", "t01", "/usr/local/lib/skp-lab/ready", "30")
        done = ssh(one, "docker volume ls -q")
        assert done.stdout.strip() == "kept", done.stderr


def test_a_stopped_node_is_said_and_started(one: LabConfig, heard: Heard) -> None:
    docker("stop", "t01")
    assert lab.status(one)[0].state == "exited"
    assert lab.up(1, config=one, say=heard.append).changed
    assert heard.said("starting t01")
    assert lab.status(one)[0].healthy


def test_an_engine_that_dies_in_a_node_is_started_again(one: LabConfig) -> None:
    docker("exec", "t01", "pkill", "-KILL", "-x", "dockerd")
    docker("exec", "t01", "/usr/local/lib/skp-lab/ready", "30")


def test_a_nodes_engine_can_limit_memory_and_cpu(one: LabConfig) -> None:
    info = docker("exec", "t01", "docker", "info", "--format", "{{.MemoryLimit}} {{.CPUCfsQuota}}")
    assert info == "true true"


def test_packets_are_as_small_as_the_way_out_of_this_machine_needs(one: LabConfig) -> None:
    interfaces = ("eth0", "docker0")
    shown = docker("exec", "t01", "cat", *(f"/sys/class/net/{name}/mtu" for name in interfaces))
    assert shown.split() == [str(uplink.mtu())] * 2


@pytest.mark.skipif(uplink.mtu() == uplink.USUAL_MTU, reason="every MTU gets out of this machine")
def test_a_lab_with_larger_packets_than_get_out_is_said_and_replaced(
    none: LabConfig, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lab.uplink.mtu", lambda: uplink.USUAL_MTU)
        lab.up(1, config=none, say=heard.append)
    lab.up(1, config=none, say=heard.append)
    assert heard.said("larger packets than get out of here")
    assert not lab.up(1, config=none, say=heard.append).changed


def test_nodes_are_added_and_removed_and_their_files_follow(one: LabConfig, heard: Heard) -> None:
    first = docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", "t01")
    assert lab.up(2, config=one, say=heard.append).changed
    assert heard.said("making t02")
    assert list(json.loads((one.state / "hosts.json").read_text())) == ["t01", "t02"]
    (one.state / "hosts.json").write_text("{}")
    assert lab.up(1, config=one, say=heard.append).changed
    assert heard.said("removing t02")
    assert heard.said("hosts.json was changed by hand; it is kept as")
    assert docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", "t01") == first
    assert list(json.loads((one.state / "hosts.json").read_text())) == ["t01"]
    assert len((one.state / "known_hosts").read_text().splitlines()) == 1
    assert one.volume("t02") not in docker("volume", "ls", "-q").split()


def test_a_removed_manager_leaves_the_swarm_with_its_quorum(one: LabConfig) -> None:
    lab.up(2, config=one, say=lambda _: None)
    docker("exec", "t01", "docker", "swarm", "init", "--advertise-addr", "10.98.0.11")
    token = docker("exec", "t01", "docker", "swarm", "join-token", "-q", "manager")
    docker("exec", "t02", "docker", "swarm", "join", "--token", token, "10.98.0.11:2377")
    lab.up(1, config=one, say=lambda _: None)
    names = docker("exec", "t01", "docker", "node", "ls", "--format", "{{.Hostname}}")
    docker("exec", "t01", "docker", "swarm", "leave", "--force")
    assert names == "t01"


def test_a_node_that_was_removed_by_hand_comes_back_as_a_new_machine(
    one: LabConfig, heard: Heard
) -> None:
    docker("exec", "t01", "docker", "volume", "create", "old")
    lab.up(2, config=one, say=heard.append)
    pinned = (one.state / "known_hosts").read_text().splitlines()
    docker("rm", "-f", "t01")
    assert {node.name: node.state for node in lab.status(one)} == {
        "t01": "missing",
        "t02": "running",
    }
    lab.up(2, config=one, say=heard.append)
    done = ssh(one, "docker volume ls -q")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    now = (one.state / "known_hosts").read_text().splitlines()
    assert (now[0] != pinned[0], now[1] == pinned[1]) == (True, True)


def test_an_interrupted_up_is_finished_by_the_next(one: LabConfig, heard: Heard) -> None:
    labels = [
        f"--label={key}={value}" for key, value in {**one.labels, "skp.lab.node": "t02"}.items()
    ]
    image = docker("inspect", "--format", "{{.Config.Image}}", "t01")
    docker("rm", "-f", "t02", check=False)
    docker("create", "--name", "t02", *labels, image)
    lab.up(2, config=one, say=heard.append)
    assert heard.said("making t02")
    assert all(node.healthy for node in lab.status(one))


def test_published_ports_reach_the_first_node_and_come_and_go_without_it(
    one: LabConfig, heard: Heard
) -> None:
    before = docker("inspect", "--format", "{{.State.StartedAt}}", "t01")
    docker("exec", "-d", "t01", "/usr/sbin/sshd", "-D", "-p", str(PORT))
    lab.up(1, publish=True, config=one, say=heard.append)
    assert not lab.up(1, config=one, say=heard.append).changed
    with socket.create_connection(("127.0.0.1", PORT), timeout=10) as connection:
        connection.settimeout(10)
        assert connection.recv(4) == b"SSH-"
    lab.up(1, publish=False, config=one, say=heard.append)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", PORT), timeout=10)
    assert docker("inspect", "--format", "{{.State.StartedAt}}", "t01") == before


def test_a_busy_port_is_found_before_anything_is_made(none: LabConfig) -> None:
    with socket.create_server(("127.0.0.1", PORT)), pytest.raises(LabError, match=str(PORT)):
        lab.up(1, publish=True, config=none, say=lambda _: None)
    assert labelled(none) == []


def test_a_foreign_container_is_said_and_not_touched(none: LabConfig) -> None:
    image = docker("images", "-q", "skp/base:trixie")
    foreign = docker("create", "--name", "t01", image)
    try:
        with pytest.raises(LabError, match="a container named t01") as refused:
            lab.up(1, config=none, say=lambda _: None)
        assert "docker rename t01" in refused.value.hint
        assert not lab.down(config=none, say=lambda _: None).changed
        assert docker("ps", "-aq", "--no-trunc", "--filter", "name=^t01$") == foreign
        assert labelled(none) == []
    finally:
        docker("rm", foreign)


def test_a_foreign_network_in_the_labs_place_is_said_and_not_touched(none: LabConfig) -> None:
    foreign = docker("network", "create", "--subnet", "10.98.0.128/25", "skp-foreign")
    try:
        with pytest.raises(LabError, match=r"skp-foreign uses 10\.98\.0\.128/25"):
            lab.up(1, config=none, say=lambda _: None)
        assert labelled(none) == []
    finally:
        docker("network", "rm", foreign)


def test_a_lab_of_another_checkout_is_said_and_replaced(
    one: LabConfig, heard: Heard, tmp_path: Path
) -> None:
    for name in ("images", "volume"):
        shutil.copytree(ROOT / name, tmp_path / "other" / name)
    other = replace(one, checkout=tmp_path / "other", folder=tmp_path / "state")
    assert lab.up(1, config=other, say=heard.append).changed
    assert heard.said(f"there is a lab of another checkout, {ROOT}; it is replaced")
    assert lab.status(other)[0].checkout == str(other.checkout)
    assert lab.down(config=one, say=heard.append).changed
    assert heard.said(f"brought up from another checkout, {other.checkout}")
    assert labelled(one) == []


def test_a_lab_of_an_older_version_is_said_and_replaced(
    none: LabConfig, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lab.config.VERSION", "0")
        lab.up(1, config=none, say=heard.append)
    assert lab.status(none)[0].version == "0"
    lab.up(1, config=none, say=heard.append)
    assert heard.said("there is a lab of version 0; this is version 1; it is replaced")
    assert lab.status(none)[0].healthy


def test_a_lab_of_an_engine_that_is_gone_is_said_and_replaced(
    none: LabConfig, heard: Heard
) -> None:
    lab.up(1, config=none, say=heard.append)
    saved = {path: path.read_bytes() for path in none.state.iterdir()}
    lab.down(config=none, say=heard.append)
    none.state.mkdir()
    for path, content in saved.items():
        path.write_bytes(content.replace(docker("info", "--format", "{{.ID}}").encode(), b"gone"))
    lab.up(1, config=none, say=heard.append)
    assert heard.said("was on an engine that is gone; it is replaced")
    assert (none.state / "id_ed25519").read_bytes() != saved[none.state / "id_ed25519"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a bridge")
def test_a_bridge_that_an_engine_left_behind_is_removed(none: LabConfig, heard: Heard) -> None:
    bridge = "br-0123456789ab"
    subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], timeout=10, check=True)
    subprocess.run(["ip", "address", "add", "10.98.0.1/24", "dev", bridge], timeout=10, check=True)
    lab.up(1, config=none, say=heard.append)
    assert heard.said(f"the bridge {bridge} is left")
    assert not Path("/sys/class/net", bridge).exists()
    assert lab.status(none)[0].healthy


def test_keys_are_private(one: LabConfig) -> None:
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in (one.state, one.state / "id_ed25519")}
    assert modes == {"state": "0o700", "id_ed25519": "0o600"}


def test_down_leaves_nothing(one: LabConfig, heard: Heard) -> None:
    lab.up(2, publish=True, config=one, say=heard.append)
    ids = docker("ps", "-aq", "--no-trunc", "--filter", f"label=skp.lab.name={one.name}").split()
    mounted = docker("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", *ids).split()
    assert lab.down(config=one, say=heard.append).changed
    assert labelled(one) == []
    assert not set(mounted) & set(docker("volume", "ls", "-q").split())
    mounts = Path("/proc/self/mountinfo").read_text()
    assert not [ident for ident in ids if ident in mounts]
    assert "10.98.0." not in subprocess.run(
        ["ip", "-4", "address"], capture_output=True, text=True, timeout=10, check=True
    ).stdout  # fmt: skip
    assert not one.state.exists()
    assert docker("images", "-q", "skp-lab/node")
    assert not lab.down(config=one, say=heard.append).changed
    assert heard[-1] == "there is no lab"
