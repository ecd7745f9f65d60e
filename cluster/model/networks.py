"""The overlay networks of a cluster, and what each is for: values. Decision 80.

`$SKP_NET` is the platform's, where servers talk that users' code has no business with. A cluster of
an earlier version has this one for all, until a person agrees to its move.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from cluster.model.cluster import Cluster
from cluster.model.layout import Layout

PARTS = 4
"""How many bits longer than that of SKP_NET_OTHERS the prefix of one network's addresses is."""


class Purpose(StrEnum):
    """What an overlay network is for. Each has a part of the addresses; new ones come last."""

    USERS = "users"
    """Users' code, and the servers that it uses by their names."""
    DATABASES = "databases"
    """Databases, and the services that keep something in them."""
    AGENTS = "agents"
    """Portainer's agents, which have their nodes' engines, and the server that asks them."""
    METRICS = "metrics"
    """What is asked for metrics and asks nobody who he is, and the server that asks."""


MONITORING = "monitoring"
"""The label of the node that monitors the others; without one nothing is asked for metrics."""
_ASKED_FOR = {Purpose.METRICS: MONITORING}
"""The labels without which a cluster does without a network."""


@dataclass(frozen=True)
class Network:
    """An overlay network.

    Attributes:
        name: unique in the Swarm.
        subnet: its addresses, in CIDR notation; "" for the engine's choice.
        key: the setting that says `subnet`.
    """

    name: str
    subnet: str
    key: str


def network(cluster: Cluster, purpose: Purpose) -> str:
    """Return the name of the network for `purpose`, which may be the one for all."""
    name = cluster.settings.text("SKP_NET")
    return name if cluster.layout is Layout.ONE_TREE else f"{name}-{purpose}"


def beside(cluster: Cluster, *purposes: Purpose) -> tuple[str, ...]:
    """Return the names of the networks for `purposes`, for what is on another one already."""
    if cluster.layout is Layout.ONE_TREE:
        return ()
    return tuple(network(cluster, purpose) for purpose in purposes)


def networks(cluster: Cluster) -> tuple[Network, ...]:
    """Return all networks that the cluster is to have; some only where a node has a label."""
    settings = cluster.settings
    own = Network(settings.text("SKP_NET"), settings.text("SKP_NET_SUBNET"), "SKP_NET_SUBNET")
    if cluster.layout is Layout.ONE_TREE:
        return (own,)
    return own, *(
        Network(network(cluster, purpose), subnet, "SKP_NET_OTHERS")
        for purpose, subnet in zip(Purpose, _subnets(settings.text("SKP_NET_OTHERS")), strict=True)
        if purpose not in _ASKED_FOR or cluster.inventory.labelled(_ASKED_FOR[purpose])
    )


def _subnets(text: str) -> list[str]:
    """Return the addresses for each purpose: parts of `text`, or "" where that is."""
    if not text:
        return [""] * len(Purpose)
    parts = ipaddress.IPv4Network(text).subnets(PARTS)
    return [str(part) for _, part in zip(Purpose, parts, strict=False)]
