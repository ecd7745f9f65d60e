"""What a node that went off must not leave, and the states that a next apply heals."""

from __future__ import annotations

import time

from tests.support.lab import NODES, container_ids, host_docker, on, skp

# Seconds. What has just begun anew is Ready with its first heartbeat.
_HEARTBEATS = 30


def check_nothing_half_made() -> None:
    """No container of an interrupted command, and no entry in the Swarm but those of the nodes."""
    names = [name for found in container_ids().values() for name in found]
    assert not [name for name in names if name.endswith(".new")]
    end = time.monotonic() + _HEARTBEATS
    while (listed := _listed()) != [f"{node} Ready" for node in NODES]:
        assert time.monotonic() < end, listed
        time.sleep(0.5)


def _listed() -> list[str]:
    return sorted(on("c01", "docker node ls --format '{{.Hostname}} {{.Status}}'").out.splitlines())


def check_heals() -> None:
    """One apply puts all right, and leaves nothing over."""
    up = skp("-q", "lab.up", "-n", "3", "--publish")
    assert up.code == 0, up.all
    healed = skp("docker.apply")
    assert healed.code == 0, healed.all
    status = skp("docker.status")
    assert status.code == 0, status.all
    check_nothing_half_made()


def leave_the_swarm() -> None:
    """Take c03 out as its administrator would: nothing of it stays behind in the Swarm."""
    assert on("c01", "docker node demote c03").code == 0
    end = time.monotonic() + 120
    while on("c03", "docker swarm leave").code != 0:  # until it is told that it is a worker
        assert time.monotonic() < end, "c03 is not told"
    while on("c01", "docker node rm --force c03").code != 0:  # until it has left raft
        assert time.monotonic() < end, "c03 stays listed"


def remove_registries() -> None:
    for node in ("c02", "c03"):
        assert on(node, "docker rm -f registry-skp").code == 0


def reinstall(node: str) -> None:
    """Take a node's machine away; lab.up makes a new one of the same name."""
    assert host_docker("rm", "-f", "-v", node).code == 0
    assert host_docker("volume", "rm", f"skp-lab-{node}").code == 0
