"""Names, addresses and ports of networks that engines have already of themselves. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from cluster.errors import ConfigError
from cluster.model.cluster import Cluster

_NAMES = ("bridge", "default", "docker_gwbridge", "host", "ingress", "none")
_RANGES = {"SKP_NET_SUBNET": "10.90.0.0/16", "SKP_NET_OTHERS": "10.91.0.0/16"}
_GOSSIP = 7946  # the UDP port by which Swarm's nodes hear of each other
# What a Swarm gives its own network: the first /24 of its pool (docker swarm init).
_INGRESS = ipaddress.IPv4Network("10.0.0.0/24")


def taken(cluster: Cluster) -> Iterator[ConfigError]:
    """Yield an error for an overlay network with a name, addresses or a port of an engine's own."""
    settings = cluster.settings
    if settings.number("SKP_NET_PORT") == _GOSSIP:
        yield ConfigError(
            f"{settings.place('SKP_NET_PORT')}: SKP_NET_PORT: Swarm itself has {_GOSSIP}/udp; "
            "allowed: another port from 1024 to 49151",
            'For example: export SKP_NET_PORT="4790"',
        )
    if (name := settings.text("SKP_NET")) in _NAMES:
        yield ConfigError(
            f"{settings.place('SKP_NET')}: SKP_NET: engines have a network {name} of their own",
            'For example: export SKP_NET="net-skp"',
        )
    for key, example in _RANGES.items():
        text = settings.text(key)
        if text and ipaddress.IPv4Network(text).overlaps(_INGRESS):
            yield ConfigError(
                f"{settings.place(key)}: {key}: {text} and {_INGRESS} overlap, the addresses of "
                "every Swarm's own network, ingress",
                f'For example: export {key}="{example}"',
            )
