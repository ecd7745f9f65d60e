"""What the platform's services have of the nodes, for deployments to know."""

from __future__ import annotations

import services
from cluster.model.cluster import Cluster
from cluster.model.state import State
from workloads.needs import Needs
from workloads.platform import ALL, Platform
from workloads.texts import size


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
