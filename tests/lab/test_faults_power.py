"""Power: nodes that go off at any moment, come back in any order, or come back as new machines."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.lab import ROOT, Ran, container_ids, host_docker, inventory, on, skp
from tests.support.power import (
    check_heals,
    check_nothing_half_made,
    leave_the_swarm,
    remove_registries,
)

Switch = Callable[[str], None]
# On a node: its engine's data on a file system of its own, with 64 MB left. What starts the engine
# again when it ends is held meanwhile.
SMALL_DISK = """
set -e
engine=$(pidof dockerd) keeper=$(ps -o ppid= -p "$engine")
kill -STOP $keeper
kill "$engine"
for _ in $(seq 300); do
  case $(ps -o stat= -p "$engine") in Z* | "") break ;; *) sleep 0.1 ;; esac
done
mkdir /mnt/small
mount -t tmpfs -o size=4g small /mnt/small
cp -a /var/lib/docker/. /mnt/small/
mount --bind /mnt/small /var/lib/docker
free=$(df --output=avail -B1 /var/lib/docker | tail -1)
fallocate -l $((free - (64 << 20))) /var/lib/docker/filler
kill -CONT $keeper
"""


def skp_until(line: str, act: Callable[[], object], *words: str) -> Ran:
    """Run a command, and `act` the moment that it says `line`."""
    process = subprocess.Popen(
        ["./skp.py", *words], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    out: list[str] = []
    reader = threading.Thread(target=lambda: out.append(process.stdout.read()))  # type: ignore[union-attr]
    reader.start()
    err = []
    for said_now in process.stderr:
        err.append(said_now)
        if said_now.strip() == line:
            act()
    reader.join(60)
    assert f"  {line}\n" in err, "the moment never came"
    return Ran(process.wait(60), "".join(out), "".join(err))


CASES = {
    "docker.swarm-join": (leave_the_swarm, "c03: join manager"),
    "docker.registry-run": (remove_registries, "c03: create registry-skp"),
    "docker.apply": (remove_registries, "c03: create registry-skp"),
}


def test_a_node_off_before_a_command_is_named_and_the_others_are_served(
    changed: None, powered: Switch
) -> None:
    leave_the_swarm()
    remove_registries()
    powered("c03")
    for command in CASES:
        ran = skp(command)
        assert ran.code == 1, ran.all
        assert "! c03: " in ran.out
        served = "registry-skp" in container_ids(("c02",))["c02"]
        assert served == (command != "docker.swarm-join")
    check_heals()


@pytest.mark.parametrize("command", CASES)
def test_a_node_that_goes_off_during_a_command_is_named_and_the_others_are_served(
    changed: None, powered: Switch, command: str
) -> None:
    prepare, moment = CASES[command]
    prepare()
    ran = skp_until(moment, lambda: powered("c03"), command)
    assert ran.code == 1, ran.all
    assert "! c03" in ran.out or "- c03" in ran.out
    assert "registry-skp" in container_ids(("c02",))["c02"]
    check_heals()


def managers_refuse_c03(change: str) -> None:
    """Have the other managers refuse c03's packets to the Swarm's port (-I), or no more (-D)."""
    rule = "INPUT -s 10.99.0.13 -p tcp --dport 2377 -j REJECT --reject-with tcp-reset"
    for node in ("c01", "c02"):
        assert host_docker("exec", node, "iptables", change, *rule.split()).code == 0


def test_a_member_that_finds_its_managers_late_is_waited_for(changed: None) -> None:
    managers_refuse_c03("-I")
    try:
        assert host_docker("restart", "-t", "20", "c03").code == 0
        assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
        assert on("c03", "docker info -f '{{.Swarm.LocalNodeState}}'").out.strip() == "pending"
    except BaseException:
        managers_refuse_c03("-D")
        raise
    ran = skp_until("c03: wait manager", lambda: managers_refuse_c03("-D"), "docker.apply")
    assert ran.code == 0, ran.all
    check_heals()


def reinstall(node: str) -> None:
    """Take a node's machine away; lab.up makes a new one of the same name."""
    assert host_docker("rm", "-f", "-v", node).code == 0
    assert host_docker("volume", "rm", f"skp-lab-{node}").code == 0


def test_a_reinstalled_node_joins_in_place_of_its_dead_entry(changed: None) -> None:
    old = on("c03", "docker info -f '{{.Swarm.NodeID}}'").out.strip()
    reinstall("c03")
    check_heals()
    listed = on("c01", "docker node ls -q").out.split()
    assert len(listed) == 3
    assert old not in listed


def with_jupyter_on_c03(path: Path) -> dict[str, str]:
    """Write an inventory in which c03 runs Jupyter too, and return the environment with it."""
    hosts = inventory(ROOT / ".lab" / "hosts.json")
    hosts["c03"]["labels"].append({"jupyter": "enable"})
    path.write_text(json.dumps(hosts))
    return {"SKP_HOSTS": str(path)}


# (It needs an image that is too large for the disk: the real one.)
@pytest.mark.xdist_group("lab")
def test_a_full_disk_fails_its_node_only_and_freed_it_heals(changed: None, tmp_path: Path) -> None:
    env = with_jupyter_on_c03(tmp_path / "hosts.json")
    host_docker("exec", "c03", "bash", "-c", SMALL_DISK)
    try:
        assert skp("-q", "lab.up", "-n", "3", "--publish").code == 0
        assert on("c02", "docker rm -f registry-skp").code == 0
        ran = skp("docker.apply", env=env)
        assert ran.code == 1, ran.all
        assert re.search(
            r"^! c03 jupyter-skp-c03: .*no space left on device", ran.out, re.MULTILINE
        )
        assert not [line for line in ran.out.splitlines() if re.match(r"[!-] +c0[12]", line)]
        assert "registry-skp" in container_ids(("c02",))["c02"]
        check_nothing_half_made()
        assert host_docker("exec", "c03", "rm", "/var/lib/docker/filler").code == 0
        healed = skp("docker.apply", env=env)
        assert healed.code == 0, healed.all
        assert "jupyter-skp-c03" in container_ids(("c03",))["c03"]
    finally:
        reinstall("c03")
