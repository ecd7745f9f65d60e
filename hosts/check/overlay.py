"""Whether what containers say to each other gets from node to node: it is tried, on all at once.

Swarm's members hear of each other over 2377 and 7946 while the packets of the overlay networks go
over a UDP port of their own. Where that one is closed, every node and container looks healthy, and
no service finds another. No file of a node tells it, so it is tried with real packets, over the
network that Swarm itself keeps between all its members ("ingress").
"""

from __future__ import annotations

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
    """Return the nodes between which it can be tried: in the master's Swarm, with sudo."""
    ours = one(facts.get(master, {}), "cluster")
    return [
        name
        for name, told in facts.items()
        if one(told, "swarm") == "active"
        and one(told, "cluster") in ("", ours)
        and told.get("sudo")
    ]


def lost_paths(fleet: Fleet, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return, by node, the nodes that its overlay packets do not get to, or not back from.

    What can't be tried is not judged: a node without that network, or without the means, and two
    nodes of which one was not told of the other's address yet (they tell each other over 7946).

    Args:
        names: the nodes to try it between.
    """
    names = list(names)
    if len(names) < 2:
        return {}

    def ask(node: Node, verb: str, *words: str) -> Facts:
        command = shlex.join(["sh", "-s", "--", verb, *words])
        done = node.run(command, stdin=_SCRIPT.read_bytes(), deadline=_SECONDS)
        told = parse(done.stdout.decode(errors="replace"))
        if "end" not in told:
            raise NodeError(node.name, f"the overlay could not be tried: {done.complaint()}")
        return told

    asked = fleet.each(lambda node: ask(node, "address"), names).values
    addresses = {name: one(told, "address") for name, told in asked.items()}
    there = {name: address for name, address in addresses.items() if address}
    reached = fleet.each(lambda node: ask(node, "reach", *there.values()), there).values
    return _judged({name: there[name] for name in reached}, reached)


def _judged(
    addresses: Mapping[str, str], reached: Mapping[str, Facts]
) -> dict[str, tuple[str, ...]]:
    """Return the lost ones of what nodes told; one that does not reach itself has not the means."""
    able = [name for name in addresses if addresses[name] in reached[name].get("through", ())]

    def told(how: str, name: str, other: str) -> bool:
        return addresses[other] in reached[name].get(how, ())

    lost = {
        name: tuple(
            other
            for other in addresses
            if told("lost", name, other) and not told("unknown", other, name)
        )
        for name in able
    }
    return {name: others for name, others in lost.items() if others}
