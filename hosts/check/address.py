"""What is wrong with a machine's address, on its interfaces and in the Swarm. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.config.inventory import Host
from cluster.model.listeners import ALL_IPV4
from cluster.model.unchangeable import rejoin
from hosts.check.facts import ClusterFacts, Facts, Finding, one


def address(cluster: ClusterFacts, host: Host, facts: Facts) -> Iterator[Finding]:
    """Judge whether machine, inventory and Swarm mean the same address."""
    inventory, own = cluster.inventory, one(facts, "addresses").split()
    known, anew = _known(facts), rejoin(inventory, host.name, inventory.master.name)
    if not one(facts, "device"):
        has = f"; it has {', '.join(own)}" if own else ""
        within = ", at which the Swarm knows it" if host.ipv4 in known else ""
        fix = f"put its own address into {inventory.path}; Swarm can't use one behind NAT"
        then = f"\nthe Swarm keeps the old one; then: {anew}" if known else ""
        yield Finding(
            host.name, "address", f"no interface has {host.ipv4}{within}{has}", f"{fix}{then}"
        )
    for other in known:
        if other == host.ipv4:
            continue
        gone = "" if other in own else ", which no interface has"
        write = "" if gone else f"put {other} into {inventory.path}, or: "
        yield Finding(
            host.name, "address", f"the Swarm knows it at {other}{gone}; {inventory.path} says "
            f"{host.ipv4}", f"{write}{anew}",
        )  # fmt: skip


def _known(facts: Facts) -> list[str]:
    """Return the addresses at which the Swarm knows it: for its overlays, and as a manager."""
    told = (one(facts, "nodeaddr"), one(facts, "raft").rpartition(":")[0])
    return [found for found in dict.fromkeys(told) if found not in ("", ALL_IPV4)]
