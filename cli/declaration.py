"""Checking what this machine's files say together, before anything is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import services
from cluster.errors import ConfigErrors

if TYPE_CHECKING:
    from cluster.model.cluster import Cluster


def check_declared(found: Cluster) -> None:
    """Refuse containers of all services that want the same name, port or address.

    Raises:
        ConfigErrors: with each conflict.
    """
    # Imported only here: a command that needs no cluster begins sooner.
    from cluster.model.layout import Layout
    from cluster.model.state import State
    from cluster.plan.conflicts import conflicts

    nothing = State({}, {}, None)
    every = services.catalogue().values()
    wanted = [c for service in every for c in service.containers(found, nothing)]
    # An earlier version's cluster does not have all networks. The plan, which knows, checks them.
    if errors := list(conflicts(replace(found, layout=Layout.ONE_TREE), wanted)):
        raise ConfigErrors(errors)
