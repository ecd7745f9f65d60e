"""A Swarm as one of its managers tells it: members, networks, and what it remembers."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.config.secrets import Secret
from cluster.connectors.bounded import StrangeError
from cluster.connectors.node import Node
from cluster.facts.told import flag, keys, labels, number_or, parts, text, text_or
from cluster.model import route
from cluster.model.decisions import Decisions
from cluster.model.state import DATA_PORT, OPTION_ENCRYPTED, FoundNode, Swarm, SwarmNode


def swarm_of(node: Node, found: Mapping[str, FoundNode]) -> Swarm:
    """Return the Swarm as `node` tells it, which is one of its managers.

    Args:
        found: all nodes that answered.

    Raises:
        NodeError: the node does not answer, or is no manager with a quorum.
    """
    managers = [n for n in found.values() if n.membership.control]
    with node.talking("reading the Swarm") as engine:
        swarm = engine.inspect_swarm()
        nodes = {item.id: item for item in map(_swarm_node, parts(engine.nodes()))}
        # (One that got no addresses has no driver, by which a filter would hide it.)
        every = parts(engine.networks(filters={"scope": "swarm"}))
        networks = [found for found in every if _takes_containers(found)]
        return Swarm(
            via=node.name,
            id=text(swarm, "ID"),
            nodes=nodes,
            decisions=Decisions.parse(labels(swarm, "Spec", "Labels")),
            networks={text(n, "Name"): _subnet(n) for n in networks},
            tokens={
                role.lower(): Secret(text(swarm, "JoinTokens", role))
                for role in ("Manager", "Worker")
            },
            managers=tuple(n.name for n in managers if n.membership.node_id in nodes),
            encrypted=frozenset(
                text(n, "Name") for n in networks if OPTION_ENCRYPTED in keys(n, "Options")
            ),
            closed={text(n, "Name"): _subnet(n) for n in every if n not in networks},
            data_port=number_or(0, swarm, "DataPathPort") or DATA_PORT,
            routes=_routes(engine.configs(filters={"name": route.CONFIG})),
        )


def _routes(configs: object) -> route.Routes:
    for found in parts(configs):
        if text(found, "Spec", "Name") == route.CONFIG:
            said = labels(found, "Spec", "Labels").get(route.LABEL, "")
            version = number_or(0, found, "Version", "Index")
            try:
                return route.parse(said, version)
            except ValueError as error:
                what = f"{route.CONFIG}: {error} (a newer SKP has written it?)"
                raise StrangeError(what) from None
    return route.Routes()


def _takes_containers(network: object) -> bool:
    overlay = text_or("overlay", network, "Driver") == "overlay"
    return overlay and flag(network, "Attachable")


def _subnet(network: object) -> str:
    config = parts(network, "IPAM", "Config") or [{}]
    return text_or("", config[0], "Subnet")


def _swarm_node(item: object) -> SwarmNode:
    manager = text_or("", item, "ManagerStatus", "Addr").rpartition(":")[0]
    return SwarmNode(
        id=text(item, "ID"),
        hostname=text_or("", item, "Description", "Hostname"),
        role=text(item, "Spec", "Role"),
        state=text(item, "Status", "State"),
        labels=labels(item, "Spec", "Labels"),
        leader=flag(item, "ManagerStatus", "Leader"),
        drained=text(item, "Spec", "Availability") == "drain",
        address=manager or text_or("", item, "Status", "Addr"),
    )
