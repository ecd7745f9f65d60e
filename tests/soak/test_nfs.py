"""NFS for real, between two machines with kernels of their own (user-mode-linux)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lab import ROOT, Ran, host_docker, run

NAME, IMAGE = "skp-uml", "skp-lab/uml:test"
SERVER, CLIENT = "u01", "u02"
ADDRESSES = {SERVER: "10.97.0.11", CLIENT: "10.97.0.12"}
FOLDER = "/home/skp/skp/volume"
PATIENT = 300  # seconds: such a machine is slow
# Appends numbers, each when the one before was written.
WRITER = (
    f"nohup sh -c 'i=0; while [ ! -e /tmp/stop ]; do echo $i >>{FOLDER}/log && i=$((i+1)); done; "
    "echo $i >/tmp/written' >/tmp/writer 2>&1 </dev/null &"
)
Told = Callable[..., Ran]


def host(*words: str) -> None:
    """Prepare, start or kill a machine."""
    done = run("docker", "exec", NAME, "/usr/local/lib/skp-lab/host", *words, seconds=PATIENT)
    assert done.code == 0, done.all


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Boot both machines; return what runs SKP's commands for them."""
    folder = tmp_path_factory.mktemp("uml")
    assert run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/key").code == 0
    built = run("images/build.sh", "lab-uml", IMAGE, seconds=1200)
    assert built.code == 0, built.all
    host_docker("rm", "-f", "-v", NAME)
    began = host_docker("run", "-d", "--name", NAME, "--privileged", "--network", "host", IMAGE)
    assert began.code == 0, began.all
    try:
        host("prepare", (folder / "key.pub").read_text().strip())
        environment = write(folder)

        def skp(*words: str) -> Ran:
            return run("./skp.py", *words, seconds=PATIENT, env=environment)

        for name, address in ADDRESSES.items():
            host("start", name, address)
        until(lambda: skp("ssh.cmd", "-c", "true").code == 0)
        yield skp
    finally:
        host_docker("rm", "-f", "-v", NAME)
        run("sh", "-c", "for i in skp-uml tap-u01 tap-u02; do ip link del $i; done")


def write(folder: Path) -> dict[str, str]:
    """Write settings, inventory, SSH configuration; return what names them."""
    groups = {SERVER: ["master", "manager"], CLIENT: ["worker"]}
    hosts = {n: {"ipv4": a, "labels": [], "groups": groups[n]} for n, a in ADDRESSES.items()}
    (folder / "hosts.json").write_text(json.dumps(hosts))
    key = host_docker("exec", NAME, "cat", "/var/lib/uml/root/etc/ssh/ssh_host_ed25519_key.pub").out
    (folder / "known_hosts").write_text("".join(f"{a} {key}" for a in ADDRESSES.values()))
    (folder / "ssh_config").write_text(
        f"Host u0*\n  IdentityFile {folder}/key\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {folder}/known_hosts\n"
    )
    values = {
        "SKP_SSH_CONFIG": folder / "ssh_config", "SKP_ETC": folder, "SKP_DFS": "",
        "SKP_HOSTS": folder / "hosts.json", "SKP_TIMEOUT_CONNECT": 60,
        "SKP_TIMEOUT_REQUEST": 200,
    }  # fmt: skip
    lines = [f'export {key}="{value}"' for key, value in values.items()]
    (folder / "env.sh").write_text("\n".join([f"source {ROOT}/bin/env.sh", *lines, ""]))
    return {**os.environ, "SKP_ENV": str(folder / "env.sh")}


def until(condition: Callable[[], bool], seconds: float = PATIENT) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(1)


def on(told: Told, node: str, command: str) -> Ran:
    return told("ssh.cmd", "--nodes", node, "-c", command)


def lines(told: Told, node: str) -> list[str]:
    """Return the numbers that were written, as `node` sees them."""
    found = on(told, node, f"cat {FOLDER}/log").out.splitlines()
    return [line.removeprefix(f"{node}: ") for line in found]


@pytest.fixture(scope="module")
def mounted(told: Told) -> Told:
    assert told("host.copy").code == 0
    for command in ("nfs.install", "nfs.mount-skp"):
        first, second = told(command), told(command)
        assert first.code == 0, first.all
        assert second.out.startswith("Nothing to change"), second.all
    return told


def test_the_shared_folder_is_the_masters_and_root_is_nobody_there(mounted: Told) -> None:
    made = on(mounted, CLIENT, f"echo hello >{FOLDER}/greeting && sudo touch {FOLDER}/roots")
    assert "Permission denied" in made.all
    assert on(mounted, SERVER, f"cat {FOLDER}/greeting").out == f"{SERVER}: hello\n"


def test_writes_resume_when_the_server_is_back_and_nothing_is_lost(mounted: Told) -> None:
    assert on(mounted, CLIENT, WRITER).code == 0
    until(lambda: len(lines(mounted, SERVER)) > 20)
    host("kill", SERVER)
    host("start", SERVER, ADDRESSES[SERVER])
    until(lambda: on(mounted, SERVER, "true").code == 0)
    before = len(lines(mounted, SERVER))
    until(lambda: len(lines(mounted, SERVER)) > before)
    assert on(mounted, CLIENT, "touch /tmp/stop").code == 0
    until(lambda: on(mounted, CLIENT, "cat /tmp/written").code == 0)
    written = int(on(mounted, CLIENT, "cat /tmp/written").out.split()[-1])
    assert lines(mounted, SERVER) == [str(number) for number in range(written)]


def test_a_boot_does_not_wait_for_the_server_and_mounts_it_when_it_is_there(mounted: Told) -> None:
    host("kill", SERVER)
    host("kill", CLIENT)
    host("start", CLIENT, ADDRESSES[CLIENT])
    until(lambda: on(mounted, CLIENT, "true").code == 0)
    assert on(mounted, CLIENT, f"grep -q {FOLDER} /proc/mounts").code == 1
    refused = on(mounted, CLIENT, f"sudo mkdir -p {FOLDER}/var/registry; touch {FOLDER}/mine")
    assert refused.code == 1, "the folder beneath the mount can't be written to"
    assert refused.all.count("not permitted") == 2, refused.all
    host("start", SERVER, ADDRESSES[SERVER])
    until(lambda: on(mounted, CLIENT, f"cat {FOLDER}/greeting").code == 0)


def test_a_clock_five_minutes_off_is_found(mounted: Told) -> None:
    assert on(mounted, CLIENT, "sudo date -s '+300 seconds'").code == 0
    found = mounted("host.check", "--json").json
    clocks = [f for f in found if f["check"] == "clock" and " s " in f["found"]]
    assert clocks, found
    assert on(mounted, CLIENT, "sudo date -s '-300 seconds'").code == 0


def test_the_mount_goes_for_good(mounted: Told) -> None:
    gone, again = mounted("nfs.umount-skp"), mounted("nfs.umount-skp")
    assert gone.code == 0, gone.all
    assert again.out.startswith("Nothing to change")
    assert on(mounted, CLIENT, "grep -q x-skp /etc/fstab").code == 1
