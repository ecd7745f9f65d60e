"""Restarting engines one after another, the managers last, so that they keep their majority."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cluster.commands.change import Change
from cluster.config.inventory import Inventory
from cluster.operations.engine_restart import RestartEngine


def plan_engine_restarts(
    inventory: Inventory, gpus: Mapping[str, tuple[str, ...]], agreed: Collection[str]
) -> Change:
    """Return the change that restarts the engines of the nodes in `gpus`; pure.

    The master comes last: it is the one that keeps the lock before there is a Swarm.

    Args:
        gpus: the identities of GPUs that the Swarm is to know, by node.
        agreed: the nodes where a person agreed that what runs is interrupted.
    """
    hosts = [host for host in inventory.hosts if host.name in gpus]
    hosts.sort(key=lambda host: (host.is_manager, host == inventory.master))
    managers = tuple(host.name for host in inventory.managers)
    return Change(
        tuple(
            RestartEngine(host.name, gpus[host.name], managers, host.name in agreed, order)
            for order, host in enumerate(hosts, 1)
        )
    )
