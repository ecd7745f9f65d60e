"""All nodes lose their power at once and come back, in any order: nobody has to do anything."""

from __future__ import annotations

import time

from tests.support.lab import NODES, host_docker, on, skp

BOOT_SECONDS = 150


def wait_until_right(seconds: float = BOOT_SECONDS) -> None:
    """Wait until all is as wanted, without doing anything for it."""
    end = time.monotonic() + seconds
    while (seen := skp("docker.status")).code != 0:
        assert time.monotonic() < end, f"not right after {seconds:.0f} s: {seen.all}\n{said()}"


def said() -> str:
    """Return what the nodes said of their boot."""
    logs = [host_docker("logs", "--since", "5m", node).err.splitlines() for node in NODES]
    return "\n".join(line for log in logs for line in log if line.startswith("start-ours"))


def test_all_nodes_restarted_at_once_come_back_by_themselves(changed: None) -> None:
    host_docker("kill", *NODES)
    assert host_docker("start", *NODES).code == 0
    wait_until_right()


def test_a_manager_that_boots_long_before_its_peers_comes_back_by_itself(changed: None) -> None:
    run = "docker run -d --name by-hand --label skp.service=none --restart unless-stopped"
    image = "--network net-skp --entrypoint busybox skp/docker-registry:latest sleep 600"
    assert on("c01", f"{run} {image} && docker stop -t 1 by-hand").code == 0
    host_docker("kill", *NODES)
    assert host_docker("start", "c01").code == 0
    # The engine answers only after it has given up the network, twice 20 s.
    ready = host_docker("exec", "c01", "/usr/local/lib/skp-lab/ready", "60")
    assert ready.code == 0, ready.all
    found = "docker inspect jupyter-skp -f '{{.State.Status}} {{.State.Error}}'"
    given_up = host_docker("exec", "c01", "sh", "-c", found).out
    assert given_up.startswith("exited Could not attach to network")
    host_docker("start", "c02", "c03")
    wait_until_right()
    assert "start-ours: started jupyter-skp" in said()
    left = on("c01", "docker inspect by-hand -f '{{.State.Status}}'").out.strip()
    assert left == "exited", "what a person stopped stays down"
    on("c01", "docker rm by-hand")
