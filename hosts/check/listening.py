"""What is wrong with what listens on the machines: ports, their addresses, the firewall. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.model.listeners import LOOPBACK
from hosts.check.facts import ClusterFacts, Facts, Finding, one

_ANOTHER = 4790  # an example of a port for the overlay's packets
_SWARM_PORTS = {"tcp": ("2377", "7946"), "udp": ("7946",)}


def ports(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Yield what holds a port that a service, or Swarm, is to have."""
    taken, ours = set(one(facts, "tcp").split()), set(facts.get("ours", ()))
    for port, service in sorted(cluster.ports.get(host.name, {}).items()):
        if str(port) in taken and service not in ours:
            yield Finding(
                host.name, "port", f"{port}/tcp, for {service}, is taken",
                f"there: sudo ss -ltnp 'sport = :{port}' names the program",
            )  # fmt: skip
    if one(facts, "swarm") != "inactive":
        return
    for protocol, ports in _SWARM_PORTS.items():
        own = (cluster.overlay_port,) if protocol == "udp" else ()
        for number in (*ports, *own):
            if number in one(facts, protocol).split():
                yield Finding(
                    host.name, "port", f"{number}/{protocol}, for Swarm, is taken",
                    f"there: sudo ss -lnp 'sport = :{number}' names the program",
                )  # fmt: skip


def overlay(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Yield the nodes that the overlay's packets do not get to, or not back from."""
    lost = [n for n in cluster.lost.get(host.name, ()) if not _apart(cluster, host.name, n)]
    port = cluster.overlay_port
    if lost:
        yield Finding(
            host.name, "overlay", f"containers' packets ({port}/udp) do not get through between "
            f"it and {', '.join(lost)}",
            f"open {port}/udp between these nodes, both ways, in what is around them too (a "
            "cloud's rules, a hypervisor);\nSKP_NET_ENCRYPTED needs IP protocol 50 (ESP) as well\n"
            f"on VMware's cards try there: ethtool -K {one(facts, 'device')} "
            f"tx-checksum-ip-generic off\nwhere {port} can't be had (NSX has 4789 for itself): "
            f'export SKP_NET_PORT="{_ANOTHER}", ./skp.py docker.swarm-leave, then docker.apply '
            "(data stays)",
        )  # fmt: skip
    known = one(facts, "dataport")
    if known not in ("", str(cluster.data_port)) and host == cluster.inventory.master:
        yield Finding(
            host.name, "overlay", f"the Swarm has {known}/udp, SKP_NET_PORT is {cluster.data_port}",
            f'export SKP_NET_PORT="{known}"; only a Swarm that is begun takes another',
        )  # fmt: skip


def _apart(cluster: ClusterFacts, node: str, other: str) -> bool:
    """Whether one of two nodes can't reach the other at all, which is a finding of its own."""
    own = {name: cluster.inventory.host(name).ipv4 for name in (node, other)}
    blocked = {name: cluster.facts.get(name, {}).get("blocked", ()) for name in own}
    return own[other] in blocked[node] or own[node] in blocked[other]


def addresses(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Yield each port of a service that answers where it is not to listen."""
    ours, wanted = facts.get("ours", ()), cluster.addresses.get(host.name, {})
    for found in one(facts, "listen").split():
        address, _, number = found.rpartition(":")
        port = int(number) if number.isdigit() else 0
        service = cluster.ports.get(host.name, {}).get(port, "")
        if service in ours and wanted.get(port) == host.ipv4 != address:
            shown = {"0.0.0.0": "all addresses", "[::]": "all addresses of IPv6"}  # noqa: S104
            yield Finding(
                host.name, "port", f"{port}/tcp of {service} answers on "
                f"{shown.get(address, address)}", f"./skp.py docker.apply {service}",
            )  # fmt: skip


def guard(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Yield a firewall that is not in force, or does not know all nodes and services."""
    if not facts.get("sudo"):
        return
    known, fix = one(facts, "guard").split(), "./skp.py host.firewall"
    strange = [other.name for other in cluster.inventory.hosts if other.ipv4 not in known]
    if not known:
        yield Finding(
            host.name,
            "firewall",
            "strangers reach Swarm's ports, and containers the node's own",
            fix,
        )
        return
    if strange:
        yield Finding(host.name, "firewall", f"it takes {', '.join(strange)} for a stranger", fix)
    shut = _published(cluster) - set(one(facts, "admitted").split())
    if shut:
        told = ", ".join(sorted(shut, key=int))
        found = f"it keeps containers from what services publish on other nodes ({told}/tcp)"
        yield Finding(host.name, "firewall", found, fix)


def _published(cluster: ClusterFacts) -> set[str]:
    """Return the ports that services publish, on whatever node, for more than the node itself."""
    every = (item for own in cluster.addresses.values() for item in own.items())
    return {str(port) for port, address in every if address != LOOPBACK}
