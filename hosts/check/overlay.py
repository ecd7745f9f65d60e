"""Whether what containers say to each other gets from node to node: it is tried, on all at once.

Swarm's members hear of each other over 2377 and 7946 while the packets of the overlay networks go
over a UDP port of their own. Where that one is closed, every node and container looks healthy, and
no service finds another. No file of a node tells it, so it is tried with real packets: each node
runs a container that does nothing for some seconds, on the platform's overlay network.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster.connectors.fleet import Fleet
from cluster.connectors.node import Node
from cluster.errors import NodeError
from hosts.check.facts import Facts, one, parse

_SCRIPT = Path(__file__).parent / "overlay.sh"
_SECONDS = 60.0  # for each of its verbs; what they call has shorter limits of its own


def members(facts: Mapping[str, Facts], master: str) -> list[str]:
    """Return the nodes between which it can be tried: in the master's Swarm, with an image."""
    ours = one(facts.get(master, {}), "cluster")
    return [
        name
        for name, told in facts.items()
        if one(told, "swarm") == "active"
        and one(told, "cluster") in ("", ours)
        and told.get("ours")
        and told.get("sudo")
    ]


def lost_paths(fleet: Fleet, network: str, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return, by node, the nodes that its overlay packets do not get to, or not back from.

    What can't be tried is not judged: a node without such a container, or without the means.

    Args:
        network: the name of an attachable overlay network. names: the nodes to try it between.
    """
    names = list(names)
    if len(names) < 2:
        return {}
    container = f"skp-check-{secrets.token_hex(4)}"

    def ask(node: Node, verb: str, *words: str) -> Facts:
        command = shlex.join(["sh", "-s", "--", verb, container, *words])
        done = node.run(command, stdin=_SCRIPT.read_bytes(), deadline=_SECONDS)
        told = parse(done.stdout.decode(errors="replace"))
        if "end" not in told:
            raise NodeError(node.name, f"the overlay could not be tried: {done.complaint()}")
        return told

    try:
        begun = fleet.each(lambda node: ask(node, "begin", network), names).values
        addresses = {name: one(told, "address") for name, told in begun.items()}
        tried = {name: address for name, address in addresses.items() if address}
        reached = fleet.each(lambda node: ask(node, "reach", *tried.values()), tried).values
    finally:
        ended = fleet.each(lambda node: ask(node, "end"), names).values
    there = {name: tried[name] for name in reached if "lasted" in ended.get(name, {})}
    return _judged(there, reached)


def _judged(
    addresses: Mapping[str, str], reached: Mapping[str, Facts]
) -> dict[str, tuple[str, ...]]:
    """Return the lost ones of what nodes told; one that does not reach itself has not the means."""
    lost = {}
    for name, address in addresses.items():
        told = reached[name]
        if address in told.get("through", ()):
            others = [n for n, other in addresses.items() if other in told.get("lost", ())]
            lost[name] = tuple(others)
    return {name: others for name, others in lost.items() if others}
