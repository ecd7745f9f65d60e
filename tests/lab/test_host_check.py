"""host.check on real machines: a healthy lab passes, and real faults are found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.lab import host_docker, on, skp

NODE = "c03"
pytestmark = pytest.mark.usefixtures("guarded")


def findings(*words: str) -> list[dict[str, Any]]:
    ran = skp("host.check", "--json", *words)
    found: list[dict[str, Any]] = ran.json
    assert ran.code == (1 if found else 0), ran.all
    return found


def in_node(command: str) -> str:
    done = host_docker("exec", NODE, "sh", "-c", command)
    assert done.code == 0, done.all
    return done.out


@pytest.fixture
def broken(platform: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """Break the node by a command, and mend it by another."""
    breaks, mends = request.param
    in_node(breaks)
    yield
    in_node(mends)


def test_a_healthy_lab_passes(platform: None) -> None:
    ran = skp("host.check")
    assert (ran.code, ran.out) == (0, "Nothing is wrong with c01, c02, c03.\n"), ran.all


HOSTS = "cp /etc/hosts /root/hosts && echo 10.1.2.3 c02 >>/etc/hosts"
SERVER = "docker rm -f registry-skp && /usr/sbin/sshd -p 5000 -o PidFile=/root/pid"
SMALL = (
    "mkdir -p /mnt/small && mount -t tmpfs -o size=20m small /mnt/small && "
    "mount --bind /mnt/small /home/skp/skp/volume && fallocate -l 19m /home/skp/skp/volume/filler"
)
FIREWALL = "/usr/local/lib/skp/firewall"
BLOCK = "OUTPUT -d 10.99.0.12 -p tcp --dport 7946 -j REJECT"
OTHER = "mkdir /mnt/other && mount --bind /mnt/other /home/skp/skp/volume"
NARROW = "cat /sys/class/net/eth0/mtu >/root/mtu && ip link set eth0 mtu 1300"
LOGINS = "/etc/ssh/sshd_config.d/00-first.conf"
RULES = "iptables-save -t nat >/root/nat && iptables -t nat -F && iptables -t nat -X"
ASLEEP = "docker info -f {{.Swarm.LocalNodeState}} 2>/dev/null | grep -q locked"
LOCK = (
    "docker swarm update --autolock=true >/dev/null && docker swarm unlock-key -q >/root/key && "
    f"kill $(pidof dockerd) && timeout 60 sh -c 'until {ASLEEP}; do sleep 0.2; done'"
)
# (A managers' change of the Swarm waits until this one is among them again.)
UNLOCK = (
    "docker swarm unlock </root/key && "
    "timeout 60 sh -c 'until docker swarm update --autolock=false; do sleep 0.2; done'"
)
# What breaks the node, what mends it, which check finds it, and what it says.
FAULTS = [
    ("mv /etc/sudoers.d /root/", "mv /root/sudoers.d /etc/", "sudo", "sudo wants"),
    (f"echo PasswordAuthentication yes >{LOGINS}", f"rm {LOGINS}", "SSH", "by a password"),
    ("gpasswd -d skp docker", "gpasswd -a skp docker", "engine", "may not talk"),
    ("mv /usr/bin/docker /root/", "mv /root/docker /usr/bin/", "engine", "no Docker Engine"),
    ("kill -STOP $(pidof dockerd)", "kill -CONT $(pidof dockerd)", "engine", "does not answer"),
    (HOSTS, "cat /root/hosts >/etc/hosts", "names", "c02 is 10.1.2.3; it should be 10.99.0.12"),
    (NARROW, "ip link set eth0 mtu $(cat /root/mtu)", "MTU", "1300 on eth0"),
    (f"iptables -I {BLOCK}", f"iptables -D {BLOCK}", "firewall", "7946/tcp of c02"),
    (OTHER, "umount /home/skp/skp/volume && rmdir /mnt/other", "folder", "is another folder"),
    (SERVER, "kill $(cat /root/pid)", "port", "5000/tcp, for registry, is taken"),
    (SMALL, "umount /home/skp/skp/volume /mnt/small", "disk", "% used"),
    (RULES, "iptables-restore </root/nat", "firewall", "the Docker Engine's own rules are gone"),
    (LOCK, UNLOCK, "swarm", "locked since its engine started"),
    (f"{FIREWALL} down", f"{FIREWALL} up", "firewall", "strangers reach Swarm's ports"),
    ("hostname >/root/name && hostname c02", "hostname $(cat /root/name)", "unique", "c02's host"),
]


@pytest.mark.parametrize(
    ("broken", "kind", "found"),
    [((breaks, mends), kind, found) for breaks, mends, kind, found in FAULTS],
    indirect=["broken"],
    ids=[f"{kind}: {found[:30]}" for _, _, kind, found in FAULTS],
)
def test_a_real_fault_is_found(changed: None, broken: None, kind: str, found: str) -> None:
    every = findings()
    assert {finding["node"] for finding in every} == {NODE}, every
    assert [f for f in every if f["check"] == kind and found in f["found"] and f["fix"]], every


def test_the_engine_that_the_ssh_users_context_names_is_nobodys_business(
    platform: None,
) -> None:
    use = "docker context create other --docker host=unix:///nowhere && docker context use other"
    made = on("c01", use)
    try:
        assert on("c01", "docker ps").code == 1, made.all
        for words in (
            ("host.check",),
            ("docker.apply",),
            ("docker.exec-shell", "-h", "c01", "-n", "registry-skp", "-c", "true"),
        ):
            ran = skp(*words)
            assert ran.code == 0, ran.all
    finally:
        on("c01", "docker context use default; docker context rm -f other")


def test_a_node_that_is_off_is_found(platform: None, unreachable: Any) -> None:
    ran = skp("host.check", "--json", env=unreachable(NODE))
    (found,) = ran.json
    assert (found["node"], found["check"]) == (NODE, "reach")


CUT = "INPUT -p udp --dport 4789 -j DROP"


@pytest.mark.parametrize("broken", [(f"iptables -I {CUT}", f"iptables -D {CUT}")], indirect=True)
def test_a_closed_port_of_the_overlay_is_found(changed: None, broken: None) -> None:
    every = findings()
    assert {(found["node"], found["check"]) for found in every} == {
        (node, "overlay") for node in ("c01", "c02", "c03")
    }, every
    (own,) = [found for found in every if found["node"] == NODE]
    assert "(4789/udp) do not get through between it and c01, c02" in own["found"]
