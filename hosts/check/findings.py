"""What is wrong with the machines, before a task trips over it: all nodes' facts, judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from cluster.config.inventory import Host
from cluster.model.unfit import Told, unfit
from hosts.check.address import address
from hosts.check.facts import NONSENSE, ClusterFacts, Facts, Finding, Judge, one
from hosts.check.listening import addresses, guard, overlay, ports
from hosts.check.logins import account, passwords, user

_API_SINCE = 25  # Docker Engine: the first with the API that SKP speaks
_CLOCK = 5.0  # seconds
_FREE_KB, _FULL, _MEMORY_KB = 5 << 20, 90, 1_000_000  # 5 GB; per cent; 1 GB


def findings(cluster: ClusterFacts) -> list[Finding]:
    """Return what is wrong with each node, in the inventory's order."""
    return [
        finding
        for host in cluster.inventory.hosts
        if host.name in cluster.facts
        for judge in JUDGES
        for finding in judge(cluster, host, cluster.facts[host.name])
    ]


def _engine(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    complaint = one(facts, "complaint").lower()
    if not facts.get("client"):
        yield Finding(host.name, "engine", "no Docker Engine", "./skp.py host.install")
    elif "permission denied" in complaint:
        yield Finding(
            host.name, "engine", "the SSH user may not talk to the Docker Engine",
            "./skp.py host.install",
        )  # fmt: skip
    elif not facts.get("engine"):
        yield Finding(
            host.name, "engine", "the Docker Engine does not answer",
            "there: systemctl status docker; journalctl -u docker",
        )  # fmt: skip
    else:
        yield from _running_engine(host, facts)


def _running_engine(host: Host, facts: Facts) -> Iterator[Finding]:
    version, driver, swarm = (one(facts, key) for key in ("engine", "driver", "swarm"))
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < _API_SINCE:
        yield Finding(
            host.name, "engine", f"Docker Engine {version} is too old",
            f"install {_API_SINCE} or newer",
        )  # fmt: skip
    if driver in ("vfs", "devicemapper", "aufs"):
        yield Finding(
            host.name, "storage", f"the storage driver is {driver}: slow, and large",
            'set {"storage-driver": "overlay2"} in /etc/docker/daemon.json (images are lost)',
        )  # fmt: skip
    if one(facts, "liverestore") == "true":
        yield Finding(
            host.name, "engine", "live-restore is on, which Swarm does not allow",
            'remove "live-restore" from /etc/docker/daemon.json and restart the engine',
        )  # fmt: skip
    what, fix = unfit(
        Told(
            tuple(one(facts, "security").split()),
            driver,
            tuple(one(facts, "store").split()),
            one(facts, "backend"),
            tuple(one(facts, "plain").split()) if "plain" in facts else None,
        )
    )
    if what:
        yield Finding(host.name, "engine", what, fix)
    if swarm == "locked":
        yield Finding(
            host.name, "swarm", "its Swarm membership is locked since its engine started",
            "there: docker swarm unlock; docker swarm unlock-key on another manager has the key",
        )  # fmt: skip
    if swarm in ("pending", "error"):
        yield Finding(
            host.name, "swarm", f"its Swarm membership is {swarm}",
            f"there: docker info; ./skp.py docker.node-rm -h {host.name} takes it out, "
            "docker.swarm-join has it join anew (without a manager: docker swarm leave --force)",
        )  # fmt: skip


def _other_swarm(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    ours = one(cluster.facts.get(cluster.inventory.master.name, {}), "cluster")
    own = one(facts, "cluster")
    if ours and own and own != ours:
        yield Finding(
            host.name, "swarm", "it belongs to another Swarm than the master",
            "there: docker swarm leave --force",
        )  # fmt: skip


def _clock(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    clocks = {n: float(one(f, "time")) for n, f in cluster.facts.items() if one(f, "time")}
    off = clocks[host.name] - median(clocks.values()) if host.name in clocks else 0.0
    if abs(off) > _CLOCK:
        side = "ahead of" if off > 0 else "behind"
        yield Finding(
            host.name, "clock", f"{abs(off):.0f} s {side} the others",
            "./skp.py host.install; if chrony is there: chronyc makestep",
        )  # fmt: skip
    elif one(facts, "clock") == "no":
        yield Finding(host.name, "clock", "nothing keeps the clock right", "./skp.py host.install")


def _space(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    fix = "make room; ./skp.py docker.image-prune removes superseded images"
    for path, free, used in (value.rsplit(maxsplit=2) for value in facts.get("space", ())):
        if int(used) >= _FULL and int(free) < _FREE_KB:
            found = f"{path}: {used} % used, {int(free) >> 10} MB free"
            yield Finding(host.name, "disk", found, fix)
    for path, used in (value.rsplit(maxsplit=1) for value in facts.get("inodes", ())):
        if int(used) >= _FULL:
            yield Finding(host.name, "inodes", f"{path}: {used} % of the inodes used", fix)
    if facts.get("readonly"):
        yield Finding(
            host.name, "disk", "/ is mounted read-only",
            "there: dmesg shows why; a repair, then mount -o remount,rw /",
        )  # fmt: skip
    memory = one(facts, "memory")
    if memory and int(memory) < _MEMORY_KB:
        yield Finding(host.name, "memory", f"{int(memory) >> 10} MB", "1 GB at least")


def _network(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    usual, mtu = cluster.usual("mtu"), one(facts, "mtu")
    if usual and mtu and mtu != usual:
        yield Finding(
            host.name, "MTU", f"{mtu} on {one(facts, 'device')}; the others have {usual}",
            f"there: ip link set {one(facts, 'device')} mtu {usual}",
        )  # fmt: skip
    names = {other.ipv4: other.name for other in cluster.inventory.hosts}
    for name in (names.get(peer, "") for peer in facts.get("blocked", ())):
        if name in cluster.facts and one(cluster.facts[name], "swarm") == "active":
            yield Finding(
                host.name, "firewall", f"it can't reach 7946/tcp of {name}",
                "./skp.py host.firewall; if another is in the way: open 2377/tcp, 7946/tcp+udp and "
                f"{cluster.overlay_port}/udp on {name} for the nodes",
            )  # fmt: skip


def _lost_rules(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    lost = facts.get("lost", ())
    if "masquerade" in lost:
        yield Finding(
            host.name, "firewall", "the way out through the master is set up, but not in force",
            "./skp.py iptable.masquerade; another firewall took its rules when it was reloaded",
        )  # fmt: skip
    if "docker" in lost:
        yield Finding(
            host.name, "firewall", "the Docker Engine's own rules are gone: ports lead nowhere",
            "there: systemctl restart docker; another firewall took them when it was reloaded",
        )  # fmt: skip


def _names(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    addresses = {other.name: other.ipv4 for other in cluster.inventory.hosts}
    for name, found in _rows(facts, "name", 2):
        if name not in addresses:
            continue
        wrong = found != addresses[name] and not (name == host.name and found.startswith("127."))
        if wrong:
            told = f"{name} is {found}" if found else f"{name} is not known"
            yield Finding(
                host.name, "names", f"{told}; it should be {addresses[name]}",
                "./skp.py host.copy; it names a line of /etc/hosts that is in its way",
            )  # fmt: skip


def _shared(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    home, usual = one(facts, "home"), cluster.usual("home")
    if home == "hangs":
        yield Finding(
            host.name, "folder", f"{cluster.home} does not answer",
            "its file server is gone: bring it back, or umount -fl the folder",
        )  # fmt: skip
    elif not home:
        yield Finding(host.name, "folder", f"{cluster.home} is not there", "./skp.py nfs.mount-skp")
    elif len(cluster.facts) > 1 and usual and home != usual:
        yield Finding(
            host.name, "folder", f"{cluster.home} is another folder than on the other nodes",
            "./skp.py nfs.mount-skp; what was written meanwhile lies below it",
        )  # fmt: skip


def _unlike(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    for key, what in (("engine", "Docker Engine"), ("arch", "processor")):
        usual, own = cluster.usual(key), one(facts, key)
        if usual and own and own != usual:
            yield Finding(
                host.name, "unlike", f"{what} {own}; the others have {usual}",
                "images and behaviour may differ: make them alike",
            )  # fmt: skip
    for key, what in (("hostname", "host name"), ("machine", "machine id")):
        same = [n for n, f in cluster.facts.items() if one(facts, key) and f.get(key) == facts[key]]
        if len(same) > 1 and same[0] != host.name:
            fix = {
                "hostname": f"there: hostnamectl set-hostname {host.name}",
                "machine": "there: rm /etc/machine-id; systemd-machine-id-setup; reboot",
            }
            yield Finding(host.name, "unique", f"it has {same[0]}'s {what}", fix[key])


def _gpu(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    count, runtimes = one(facts, "gpus"), one(facts, "runtimes").split()
    if count not in ("", "0") and facts.get("engine") and "nvidia" not in runtimes:
        yield Finding(
            host.name, "GPU", f"{count} GPU(s), but the engine has no runtime for them",
            "./skp.py host.install",
        )  # fmt: skip
    if host.name in cluster.gpus and count in ("", "0"):
        yield Finding(
            host.name, "GPU", "a service asks for GPUs, and there is none",
            "install NVIDIA's driver, or take the label away",
        )  # fmt: skip


def _selinux(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    if facts.get("selinux"):
        yield Finding(
            host.name, "SELinux", "enforcing: containers can't read the mounted folders",
            "there: setenforce 0, and SELINUX=permissive in /etc/selinux/config",
        )  # fmt: skip


def _nonsense(_: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    for value in facts.get(NONSENSE, ()):
        yield Finding(
            host.name, "probe", f"its answer is none: {value}",
            "see what answers there: type df -Pk, date and cat /proc/meminfo",
        )  # fmt: skip


def _rows(facts: Facts, key: str, count: int) -> Iterable[list[str]]:
    """Return the values of a key, split into `count`; what is missing at the end is ""."""
    for value in facts.get(key, ()):
        parts = value.split()[:count]
        yield [*parts, *[""] * (count - len(parts))]


JUDGES: tuple[Judge, ...] = (
    account, user, passwords, _engine, _other_swarm, _clock, ports, addresses, guard, _space,
    address, _network, overlay, _lost_rules, _names, _shared, _unlike, _gpu, _selinux, _nonsense,
)  # fmt: skip
