"""What host.check makes of what machines tell: each fault is found, and its fix said."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config.inventory import Host, Inventory
from hosts.check.facts import ClusterFacts, Finding, parse
from hosts.check.findings import findings
from tests.support.healthy import HEALTHY

NAMES = ("c01", "c02", "c03")
HOSTS = tuple(
    Host(name, f"10.0.0.{n}", (), frozenset({"master", "manager"} if n == 1 else {"manager"}))
    for n, name in enumerate(NAMES, 1)
)
IN_SWARM = "swarm active"


def check(text: str, node: str = "c03", **others: str) -> list[Finding]:
    """Return what is found when one node tells `text`, and the rest what they do in health."""
    told = {name: others.get(name, HEALTHY).format(name=name) for name in NAMES}
    told[node] = text.format(name=node)
    own = {host.name: host.ipv4 for host in HOSTS}
    told = {name: each.replace("LISTEN", own[name]) for name, each in told.items()}
    known = ClusterFacts(
        Inventory(Path("etc/hosts.json"), HOSTS),
        {name: parse(each) for name, each in told.items()},
        "/home/skp/volume",
        {name: {5000: "registry", 8010: "jupyter"} for name in NAMES},
        frozenset(),
        {name: {5000: "127.0.0.1", 8010: own[name]} for name in NAMES},
    )
    return findings(known)


def test_nothing_is_wrong_with_healthy_machines() -> None:
    assert check(HEALTHY) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "found", "fix"),
    [
        ("sudo yes\n", "", "sudo", "no sudo", "host.install -p"),
        (
            "sudo yes\n", "nosudo sudo: sorry, you must have a tty to run sudo\n",
            "sudo", "sudo wants a terminal", "ssh -t c03",
        ),
        ("uid 1000:1000\n", "uid 1005:1005\n", "user", "1005:1005", "usermod -u 1000"),
        (
            "sudo yes\n", "sudo yes\npasswords passwordauthentication\n",
            "SSH", "can log in by a password (passwordauthentication)", "ssh.keys-only",
        ),
        ("client yes\n", "", "engine", "no Docker Engine", "host.install"),
        (
            "engine 28.1.0\n", "complaint permission denied while trying to connect\n",
            "engine", "may not talk", "host.install",
        ),
        (
            "engine 28.1.0\n", "complaint Cannot connect to the Docker daemon\n",
            "engine", "does not answer", "systemctl status docker",
        ),
        ("engine 28.1.0", "engine 24.0.7", "engine", "24.0.7 is too old", "25 or newer"),
        ("engine 28.1.0", "engine 29.0.0", "unlike", "29.0.0; the others have 28.1.0", "alike"),
        ("arch x86_64", "arch aarch64", "unlike", "processor aarch64", "alike"),
        ("driver overlay2", "driver vfs", "storage", "vfs", "overlay2"),
        ("driver overlay2", "driver devicemapper", "storage", "devicemapper", "overlay2"),
        ("liverestore false", "liverestore true", "engine", "live-restore", "daemon.json"),
        (IN_SWARM, "swarm pending", "swarm", "membership is pending", "leave --force"),
        (IN_SWARM, "swarm error", "swarm", "membership is error", "leave --force"),
        (IN_SWARM, "swarm locked", "swarm", "membership is locked", "docker swarm unlock"),
        ("plain 127.0.0.0/8 ::1/128", "plain r.example", "engine", "wants TLS", "localhost:5000"),
        ("backend iptables", "backend nftables", "engine", "in a Swarm", "firewall-backend"),
        (" name=cgroupns", " name=userns", "engine", "userns-remap", "daemon.json"),
        (" name=cgroupns", " name=rootless", "engine", "rootless", "enable --now docker"),
        ("store extfs", "store io.containerd.snapshotter.v1", "engine", "no storage", "out of"),
        ("gpus 0", "gpus 0\nlost masquerade", "firewall", "not in force", "iptable.masquerade"),
        ("gpus 0", "gpus 0\nlost docker", "firewall", "own rules are gone", "restart docker"),
        ("cluster one", "cluster two", "swarm", "another Swarm", "leave --force"),
        ("time 1000", "time 1301", "clock", "301 s ahead of", "chrony"),
        ("time 1000", "time 700", "clock", "300 s behind", "chrony"),
        ("time 1000", "time 1000\nclock no", "clock", "nothing keeps", "host.install"),
        ("ours jupyter\n", "", "port", "8010/tcp, for jupyter, is taken", "sport = :8010"),
        ("ours registry\n", "", "port", "5000/tcp, for registry, is taken", "sport = :5000"),
        ("LISTEN:8010", "0.0.0.0:8010", "port", "8010/tcp of jupyter answers on all", "jupyter"),
        ("LISTEN:8010", "[::]:8010", "port", "answers on all addresses of IPv6", "apply jupyter"),
        ("LISTEN:8010", "203.0.113.9:8010", "port", "answers on 203.0.113.9", "apply jupyter"),
        ("guard 10.0.0.1 10.0.0.2 10.0.0.3\n", "", "firewall", "strangers reach", "host.firewall"),
        ("guard 10.0.0.1 10.0.0.2", "guard 10.0.0.1", "firewall", "c02 for a str", "host.firewall"),
        ("admitted 8010", "admitted 9092", "firewall", "keeps containers from", "host.firewall"),
        ("space / 90000000 20", "space / 1000000 97", "disk", "/: 97 % used, 976 MB", "make room"),
        (
            "space /var/lib/docker 90000000 20", "space /var/lib/docker 0 100",
            "disk", "/var/lib/docker: 100 % used", "image-prune",
        ),
        (
            "space /home/skp/volume 90000000 20", "space /home/skp/volume 9 100",
            "disk", "/home/skp/volume", "make room",
        ),
        ("inodes / 3", "inodes / 99", "inodes", "/: 99 %", "make room"),
        ("end yes", "readonly /\nend yes", "disk", "read-only", "remount"),
        ("memory 16000000", "memory 500000", "memory", "488 MB", "1 GB"),
        ("device eth0\nmtu 1500", "device ", "address", "no interface has 10.0.0.3", "hosts.json"),
        ("mtu 1500", "mtu 1400", "MTU", "1400 on eth0; the others have 1500", "mtu 1500"),
        ("device eth0", "device eth0\nblocked 10.0.0.2", "firewall", "7946/tcp of c02", "4789/udp"),
        ("name c02 10.0.0.2", "name c02 ", "names", "c02 is not known", "host.copy"),
        ("name c02 10.0.0.2", "name c02 10.9.9.9", "names", "c02 is 10.9.9.9", "host.copy"),
        ("home 42 1700000000.123456789", "home ", "folder", "is not there", "mount"),
        ("home 42 1700000000.123456789", "home hangs", "folder", "does not answer", "umount"),
        ("home 42", "home 43", "folder", "another folder", "below it"),
        ("hostname {name}", "hostname c01", "unique", "c01's host name", "set-hostname c03"),
        ("machine id-of-{name}", "machine id-of-c01", "unique", "c01's machine id", "machine-id"),
        ("gpus 0", "gpus 2", "GPU", "2 GPU(s), but the engine has no runtime", "host.install"),
        ("end yes", "selinux enforcing\nend yes", "SELinux", "enforcing", "setenforce 0"),
    ],
)  # fmt: skip
def test_a_fault_is_found_with_its_fix(old: str, new: str, kind: str, found: str, fix: str) -> None:
    assert old in HEALTHY
    every = check(HEALTHY.replace(old, new))
    assert {finding.node for finding in every} == {"c03"}
    (only,) = (finding for finding in every if finding.check == kind)
    assert found in only.found
    assert fix in only.fix


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("tcp 22 2377 5000 7946 8010", "tcp 22 2377", "2377/tcp, for Swarm, is taken"),
        ("tcp 22 2377 5000 7946 8010", "tcp 22 7946", "7946/tcp, for Swarm, is taken"),
    ],
)
def test_a_port_of_swarm_is_taken_before_there_is_one(old: str, new: str, found: str) -> None:
    outside = HEALTHY.replace(IN_SWARM, "swarm inactive").replace("cluster one\n", "cluster \n")
    free = outside.replace("udp 4789 7946", "udp ")
    (only,) = check(free.replace(old, new))
    assert only.found == found


GONE = "the Swarm knows it at 10.0.0.77, which no interface has; etc/hosts.json says 10.0.0.3"


@pytest.mark.parametrize(
    ("told", "found", "fix"),
    [
        (
            "nodeaddr 10.0.0.77\naddresses 10.0.0.3\ndevice eth0",
            [GONE],
            "./skp.py docker.node-rm -h c03, then ./skp.py docker.apply",
        ),
        (
            "nodeaddr 10.0.0.77\naddresses 10.0.0.3 10.0.0.77\ndevice eth0",
            ["the Swarm knows it at 10.0.0.77; etc/hosts.json says 10.0.0.3"],
            "put 10.0.0.77 into etc/hosts.json, or: ",
        ),
        (
            "nodeaddr 10.0.0.3\nraft 10.0.0.77:2377\naddresses 10.0.0.3\ndevice eth0",
            [GONE],
            "docker.node-rm -h c03",
        ),
        (
            "nodeaddr 10.0.0.3\naddresses 10.9.9.9\ndevice ",
            ["no interface has 10.0.0.3, at which the Swarm knows it; it has 10.9.9.9"],
            "the Swarm keeps the old one; then: ./skp.py docker.node-rm -h c03",
        ),
        (
            "nodeaddr 10.0.0.77\naddresses 10.9.9.9\ndevice ",
            [
                "no interface has 10.0.0.3; it has 10.9.9.9",
                GONE,
            ],
            "put its own address into etc/hosts.json",
        ),
        ("nodeaddr 10.0.0.3\nraft 10.0.0.3:2377\naddresses 10.0.0.3\ndevice eth0", [], ""),
    ],
)
def test_a_node_with_another_address_than_it_joined_with_is_found(
    told: str, found: list[str], fix: str
) -> None:
    every = [f for f in check(HEALTHY.replace("device eth0", told)) if f.check == "address"]
    assert [finding.found for finding in every] == found
    assert not every or fix in every[0].fix


def test_gpus_that_a_service_asks_for_have_to_be_there() -> None:
    facts = {"c01": parse(HEALTHY.format(name="c01"))}
    inventory = Inventory(Path("h"), HOSTS)
    (only,) = findings(ClusterFacts(inventory, facts, "/h", {}, frozenset({"c01"})))
    assert only.found == "a service asks for GPUs, and there is none"


def test_a_gpu_with_its_runtime_is_fine() -> None:
    with_gpus = HEALTHY.replace("gpus 0", "gpus 2")
    assert check(with_gpus.replace("runc\nroot", "runc nvidia\nroot")) == []


def test_a_peer_that_is_not_in_the_swarm_need_not_be_reached() -> None:
    out = HEALTHY.replace(IN_SWARM, "swarm inactive").replace("udp 4789 7946", "udp ")
    out = out.replace("tcp 22 2377 5000 7946 8010", "tcp 22")
    assert check(HEALTHY.replace("device eth0", "device eth0\nblocked 10.0.0.2"), c02=out) == []


def test_two_nodes_that_differ_accuse_nobody() -> None:
    facts = {
        name: parse(HEALTHY.format(name=name).replace("mtu 1500", f"mtu 14{name[-1]}0"))
        for name in ("c01", "c02")
    }
    assert findings(ClusterFacts(Inventory(Path("h"), HOSTS), facts, "/h", {})) == []


NONSENSE = [
    ("time 1000", "time never"),
    ("memory 16000000", "memory -"),
    ("inodes / 3", "inodes / many"),
    ("space / 90000000 20", "space /"),
]


@pytest.mark.parametrize(("old", "new"), NONSENSE)
def test_an_answer_that_is_none_is_told_and_ends_no_other_check(old: str, new: str) -> None:
    assert old in HEALTHY
    (only,) = check(HEALTHY.replace(old, new))
    assert (only.node, only.check) == ("c03", "probe")
    assert repr(new.partition(" ")[2]) in only.found


@pytest.mark.parametrize("line", ["blocked 192.0.2.1", "name stranger 192.0.2.1", "name c02 a b c"])
def test_what_is_said_of_strangers_is_passed_over(line: str) -> None:
    check(HEALTHY.replace("end yes", f"{line}\nend yes"))


def test_a_nodes_own_name_may_be_a_loopback_address() -> None:
    assert check(HEALTHY.replace("name c03 10.0.0.3", "name c03 127.0.1.1")) == []
