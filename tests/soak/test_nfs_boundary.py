"""Who reaches a node's NFS: between two machines with kernels of their own, and from outside.

NFS asks by address, and a container's packets leave a worker with the worker's. So a container that
speaks NFS itself is to the master what the worker is: it may say any user id but root's.
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator

import pytest

from tests.support.lab import Ran
from tests.support.vm import ADDRESSES, CLIENT, SERVER, Machines, host, machines, until

FOLDER = "/home/skp/skp/volume"
# Files that only their owner may read, on the master's disk: MySQL's, and the SSH user's. For the
# first the master's mountd is asked, since not even the folder above is open to that user; for the
# second nothing but 2049.
OWN = {58012: "/home/skp/skp/platform/mysql/own", 1000: f"{FOLDER}/own"}
VERSIONS = {58012: 3, 1000: 4}
SECRET = "for-the-owner"
# No more than an NFS client and a shell.
IMAGE = (
    "programs='/usr/bin/nfs-cat /usr/bin/busybox'; tar -C / -ch $programs "
    "$(ldd $programs | grep -oE '/lib[^ ]+' | sort -u) | sudo docker import - attacker"
)
REFUSED = "nfs_service failed"
# As notebooks are confined, and as root with what the engine gives.
NOTEBOOK = "--user 58000:58000 --cap-drop ALL --security-opt no-new-privileges"
ROOT = "--user 0:0"
# The engine's own network, and what services are on: there the way out is docker_gwbridge.
NETWORKS = ("bridge", "users")
# What strangers find open without the rules.
OPEN = ((SERVER, 2049), (CLIENT, 2377), (CLIENT, 7946))
FIREWALL = "/usr/local/lib/skp/firewall"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """NFS set up, and on the worker an engine that is in a Swarm."""
    with machines(tmp_path_factory.mktemp("vm")) as made:
        made.share()
        for user, path in OWN.items():
            made.told(
                SERVER,
                f"sudo sh -ec 'umask 077; mkdir -p $(dirname {path}); echo {SECRET} >{path}; "
                f"chown {user} {path} $(dirname {path})'",
            )
        made.told(CLIENT, f"sudo systemctl enable --now docker && {IMAGE}")
        made.told(CLIENT, f"sudo docker swarm init --advertise-addr {ADDRESSES[CLIENT]}")
        made.told(CLIENT, "sudo docker network create -d overlay --attachable users")
        yield made


def show(user: int) -> str:
    """Return what reads that user's file by speaking NFS."""
    url = f"nfs://{ADDRESSES[SERVER]}{OWN[user]}?version={VERSIONS[user]}&uid={user}&gid={user}"
    return f"nfs-cat '{url}'"


def inside(shared: Machines, network: str, means: str, command: str) -> Ran:
    """Run a command in a container on the worker."""
    container = f"docker run --rm --network {network} {means} attacker"
    return shared.on(CLIENT, f"sudo timeout -k 5 180 {container} {command} </dev/null")


def reaches(node: str, port: int) -> bool:
    """Say whether the machine of this test, which is no node, gets a connection."""
    try:
        socket.create_connection((ADDRESSES[node], port), timeout=10).close()
    except OSError:
        return False
    return True


def began(shared: Machines, node: str, unit: str) -> tuple[int, int]:
    """Return when a unit began to start, and when it had, in microseconds of this boot."""
    names = "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"
    shown = shared.told(node, f"sudo systemctl show {unit} -p {','.join(names)}")
    found = dict(line.split("=") for line in shown.split())
    return int(found[names[0]]), int(found[names[1]])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("user", OWN)
def test_without_the_firewall_a_notebook_on_a_worker_is_any_user(
    shared: Machines, network: str, user: int
) -> None:
    """It has no capability, and the port below 1024 that the master asks for all the same."""
    local = shared.on(CLIENT, f"sudo -u nobody cat {OWN[user]}")
    assert "Permission denied" in local.all
    assert SECRET in inside(shared, network, NOTEBOOK, show(user)).out


def test_without_the_firewall_strangers_are_answered(shared: Machines) -> None:
    assert [each for each in OPEN if not reaches(*each)] == []


@pytest.mark.parametrize("network", NETWORKS)
def test_with_the_firewall_a_containers_root_is_refused(shared: Machines, network: str) -> None:
    if network == NETWORKS[0]:
        shared.twice("host.firewall")
    knock = f"busybox nc -p 801 -w 60 {ADDRESSES[SERVER]} 2049"
    assert "Connection refused" in inside(shared, network, NOTEBOOK, knock).all
    for user in OWN:
        refused = inside(shared, network, ROOT, show(user))
        assert REFUSED in refused.all
        assert SECRET not in refused.all


def test_with_the_firewall_the_nodes_own_mount_is_as_it_was(shared: Machines) -> None:
    shared.told(CLIENT, f"echo after >{FOLDER}/after")
    assert shared.told(SERVER, f"cat {FOLDER}/after") == "after\n"
    asked = f"bash -c '</dev/tcp/{ADDRESSES[CLIENT]}/2377 && </dev/tcp/{ADDRESSES[CLIENT]}/7946'"
    shared.told(SERVER, f"timeout 30 {asked}")


def test_with_the_firewall_strangers_are_not_answered(shared: Machines) -> None:
    assert [each for each in OPEN if reaches(*each)] == []
    assert reaches(SERVER, 22), "SSH is not its business"


def test_after_a_power_cut_the_rules_come_before_what_they_guard(shared: Machines) -> None:
    """A container that is there again with the engine tries the whole time."""
    loop = shlex.quote(f"while :; do {show(1000)} 2>&1; busybox sleep 1; done")
    run = f"sudo docker run -d --name tries --restart always {ROOT} attacker"
    shared.told(CLIENT, f"{run} busybox sh -c {loop} && sync")
    for node in ADDRESSES:
        host("kill", node)
    for node, address in ADDRESSES.items():
        host("start", node, address)
    until(lambda: shared.skp("ssh.cmd", "-c", f"sudo {FIREWALL} there").code == 0)
    until(lambda: shared.on(CLIENT, f"cat {FOLDER}/after").code == 0)
    now = shared.told(CLIENT, "date +%s").strip()
    until(lambda: REFUSED in shared.on(CLIENT, f"sudo docker logs --since {now} tries").out)
    assert SECRET not in shared.on(CLIENT, "sudo docker logs tries").all
    for node, unit in ((CLIENT, "docker"), (SERVER, "nfs-server")):
        assert began(shared, node, "skp-firewall")[1] <= began(shared, node, unit)[0], unit
    test_with_the_firewall_strangers_are_not_answered(shared)


def test_without_it_again_the_same_container_is_any_user_again(shared: Machines) -> None:
    """So it was the firewall that refused it."""
    undone = shared.skp("host.firewall", "--undo")
    assert undone.code == 0, undone.all
    until(lambda: SECRET in shared.on(CLIENT, "sudo docker logs tries").out)
