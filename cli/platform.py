"""What the platform's services have of the nodes, for deployments to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import services
from cluster.model.cluster import Cluster
from cluster.model.state import State
from workloads.account_service import AccountService
from workloads.needs import Needs
from workloads.platform import ALL, Platform
from workloads.texts import size

if TYPE_CHECKING:
    from cli.session import Session
    from cluster.connectors.fleet import Fleet


def account_service(s: Session, fleet: Fleet, cluster: Cluster) -> AccountService:
    """Return where containers of deployments ask who may log in; raises ConfigError."""
    from cluster.facts.cluster import known_secrets
    from services.gateway.asked import ways

    found = ways(cluster, known_secrets(s.declared, fleet))
    return AccountService(found.urls, found.authority, found.key)


def of_services(cluster: Cluster) -> Platform:
    """Return the ports of services, and what of each node is not for deployments.

    That is what settings limit services to, all GPUs where a service has them, and DEPLOY_KEPT for
    the system and for services without a limit of their own.
    """
    nothing = State({}, {}, None)
    containers = [
        container
        for service in services.catalogue().values()
        for container in service.containers(cluster, nothing)
    ]
    text = cluster.settings.text
    kept = Needs(memory=size(text("DEPLOY_KEPT")))
    held = dict.fromkeys(cluster.inventory.names, kept)
    for container in containers:
        has = held[container.node]
        gpus = ALL if ALL in (has.gpus, container.gpus) else has.gpus + container.gpus
        held[container.node] = Needs(has.cpus + container.cpus, has.memory + container.memory, gpus)
    ports = frozenset(port.host for each in containers for port in each.ports)
    image = f"{text('REGISTRY_IMAGE')}:{text('REGISTRY_TAG')}"
    return Platform(ports, held, image)
