"""The front doors, for deployments that have names there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cluster.config.secrets import SPEC_KEY
from services.doors import names_of_deployments
from services.gateway.service import SERVICE
from workloads.doors import Doors, Names

if TYPE_CHECKING:
    from cli.session import Session
    from cluster.connectors.fleet import Fleet
    from cluster.model.cluster import Cluster
    from cluster.model.spec import Container


def of_gateway(s: Session, cluster: Cluster, fleet: Fleet) -> Doors:
    """Return the doors of a cluster; they are looked at only when routes change."""

    def look() -> Sequence[Container]:
        view = s.view(fleet)
        made = SERVICE.containers(view.cluster, view.state)
        return [each.marked(view.cluster.secrets[SPEC_KEY]) for each in made if each.live]

    return Doors(fleet, look, _names(cluster))


def _names(cluster: Cluster) -> Names:
    domain, port, why = names_of_deployments(cluster)
    example = 'In bin/env.sh: export DEPLOY_DOMAIN="apps.example.com", then ./skp.py docker.apply'
    hint = "" if domain else f"{example} (docs/the-front-door.md)"
    return Names(domain, port, why, hint)
