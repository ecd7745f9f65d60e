"""Ports of nodes for what people deploy: those that they may name, and those that are chosen."""

from __future__ import annotations

from cluster.config.settings import Settings
from cluster.errors import ConfigError

NAMED = range(30000, 30051)
"""Ports that a file may name. (The original's range for SSH.)"""
_PROTECTED = (2049, 2377, 4789, 7946)
"""NFS's and Swarm's, which only nodes reach."""
_KEY = "DEPLOY_PORTS"


def chosen(settings: Settings) -> range:
    """Return the ports that deployments are given.

    Raises:
        ConfigError: the setting ends before it begins, or has ports that have to be others'.
    """
    text, place = settings.text(_KEY), f"{settings.place(_KEY)}: {_KEY}"
    first, last = map(int, text.split("-"))
    found = range(first, last + 1)
    example = f'For example: export {_KEY}="31000-31999"'
    if not found:
        raise ConfigError(f"{place}: {text} ends before it begins; allowed: FIRST-LAST", example)
    for port in (*_PROTECTED, int(settings.text("SKP_NET_PORT")), NAMED[0], NAMED[-1]):
        if port in found:
            raise ConfigError(f"{place}: {text} has the port {port}, which is for others", example)
    return found
