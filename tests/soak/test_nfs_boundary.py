"""Who reaches a node's NFS: between two machines with kernels of their own, and from outside.

NFS asks by address, and a container's packets leave a worker with the worker's. So a container that
speaks NFS itself is to the master what the worker is: it may say any user id but root's.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.lab import Ran
from tests.support.vm import ADDRESSES, CLIENT, PATIENT, SERVER, Machines, host, machines, until

FOLDER = "/home/skp/skp/volume"
# A file that one user of the platform's may read (MySQL's), on the master's disk.
OWN, PRIVATE, SECRET = 58012, "/home/skp/skp/platform/mysql/private", "only-for-58012"
SHOW = f"nfs-cat 'nfs://{ADDRESSES[SERVER]}{PRIVATE}?version=4&uid={OWN}&gid={OWN}'"
REFUSED = "Connection refused"
# No more than a NFS client and a shell.
IMAGE = (
    "programs='/usr/bin/nfs-cat /usr/bin/busybox'; tar -C / -ch $programs "
    "$(ldd $programs | grep -oE '/lib[^ ]+' | sort -u) | sudo docker import - attacker"
)
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
        made.told(
            SERVER,
            f"sudo install -d -o {OWN} -g {OWN} -m 0700 $(dirname {PRIVATE}) && "
            f"echo {SECRET} | sudo tee {PRIVATE} && sudo chown {OWN}:{OWN} {PRIVATE} && "
            f"sudo chmod 0600 {PRIVATE}",
        )
        made.told(CLIENT, f"sudo systemctl enable --now docker && {IMAGE}")
        made.told(CLIENT, f"sudo docker swarm init --advertise-addr {ADDRESSES[CLIENT]}")
        made.told(CLIENT, "sudo docker network create -d overlay --attachable users")
        yield made


def attack(shared: Machines, network: str, means: str) -> Ran:
    """Read the file by speaking NFS from within a container on the worker."""
    container = f"docker run --rm --network {network} {means} attacker"
    return shared.on(CLIENT, f"sudo timeout -k 5 120 {container} {SHOW}")


def reaches(node: str, port: int) -> bool:
    """Say whether the machine of this test, which is no node, gets a connection."""
    try:
        socket.create_connection((ADDRESSES[node], port), timeout=10).close()
    except OSError:
        return False
    return True


def in_force(shared: Machines, node: str) -> bool:
    return shared.on(node, f"sudo {FIREWALL} there").code == 0


def began(shared: Machines, node: str, unit: str) -> tuple[int, int]:
    """Return when a unit began to start, and when it had, in microseconds of this boot."""
    names = "InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"
    shown = shared.told(node, f"systemctl show {unit} -p {','.join(names)}")
    found = dict(line.split("=") for line in shown.split())
    return int(found[names[0]]), int(found[names[1]])


@pytest.mark.parametrize("network", NETWORKS)
def test_without_the_firewall_a_notebook_on_a_worker_is_any_user(
    shared: Machines, network: str
) -> None:
    """It has no capability, and the port below 1024 that the master asks for all the same."""
    local = shared.on(CLIENT, f"cat {PRIVATE}")
    assert "Permission denied" in local.all, "the user of the machine itself may not read it"
    assert SECRET in attack(shared, network, NOTEBOOK).out


def test_without_the_firewall_strangers_are_answered(shared: Machines) -> None:
    assert [each for each in OPEN if not reaches(*each)] == []


def test_with_the_firewall_a_containers_root_is_refused(shared: Machines) -> None:
    shared.twice("host.firewall")
    for network in NETWORKS:
        for means in (NOTEBOOK, ROOT):
            refused = attack(shared, network, means)
            assert SECRET not in refused.all
            assert REFUSED in refused.all, refused.all


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
    tries = f'sh -c "while :; do {SHOW} 2>&1; sleep 1; done"'.replace("'", '\\"')
    tries = f"sudo docker run -d --name tries --restart always {ROOT} attacker busybox {tries}"
    shared.told(CLIENT, f"{tries} && sync")
    for node in ADDRESSES:
        host("kill", node)
    for node, address in ADDRESSES.items():
        host("start", node, address)
    until(lambda: shared.skp("ssh.cmd", "-c", f"sudo {FIREWALL} there").code == 0)
    until(lambda: shared.on(CLIENT, f"cat {FOLDER}/after").code == 0)
    since = '$(date -d "$(uptime -s)" +%s)'
    log = f"sudo docker logs --since {since} tries"
    until(lambda: REFUSED in shared.on(CLIENT, log).out)
    assert SECRET not in shared.on(CLIENT, "sudo docker logs tries").out
    for node, unit in ((CLIENT, "docker"), (SERVER, "nfs-server")):
        assert began(shared, node, "skp-firewall")[1] <= began(shared, node, unit)[0], unit
    test_with_the_firewall_strangers_are_not_answered(shared)


def test_without_it_again_the_same_container_is_any_user_again(shared: Machines) -> None:
    """So it was the firewall that refused it."""
    undone = shared.skp("host.firewall", "--undo")
    assert undone.code == 0, undone.all
    assert SECRET in attack(shared, "bridge", ROOT).out
