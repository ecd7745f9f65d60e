"""The catalogue: one module or package per service. A new service needs nothing else but its image.

Allowed imports: for what declares a service (its module, or service.py of its package) the rooms
cluster.model and cluster.config; for what else a package has, all of cluster but
operations.executor. Begin reading at cluster/model/service.py, then at jupyter.py here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cluster.config.earlier.names import OUTDATED, Outdated
from cluster.config.settings import Setting, Settings, read
from cluster.errors import ConfigError, nearest
from cluster.model.cluster import Cluster
from cluster.model.files import NodeFile
from cluster.model.service import Service
from cluster.model.spec import Image


@cache
def catalogue() -> dict[str, Service]:
    """Return all services by name: each SERVICE of a module or package here, in order of name."""
    modules = (
        importlib.import_module(f"{__name__}.{found.name}{'.service' if found.ispkg else ''}")
        for found in pkgutil.iter_modules(__path__)
    )
    services = [module.SERVICE for module in modules if hasattr(module, "SERVICE")]
    return {service.name: service for service in services}


def declared_settings() -> list[Setting]:
    """Return the settings that all services declare."""
    return [setting for service in catalogue().values() for setting in service.settings]


def outdated_settings() -> dict[str, Outdated]:
    """Return the variables of earlier versions that are settings no more."""
    own = (service.earlier.outdated for service in catalogue().values())
    return {**OUTDATED, **{key: said for each in own for key, said in each.items()}}


def read_settings(path: Path, overrides: Mapping[str, str]) -> Settings:
    """Return the settings at `path`, as `cluster.config.settings.read` does."""
    return read(path, declared_settings(), overrides, outdated_settings())


def node_files() -> tuple[NodeFile, ...]:
    """Return the files that nodes have on their own disks because of services."""
    return tuple(file for service in catalogue().values() for file in service.node_files)


def labels() -> set[str]:
    """Return the labels of hosts.json that choose a service's nodes; others are the user's own."""
    return {label for name, service in catalogue().items() for label in service.labels or (name,)}


def choose(names: str) -> tuple[Service, ...]:
    """Return the services of a comma-separated list; all for an empty one.

    Raises:
        ConfigError: there is no such service.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in catalogue():
            raise ConfigError(
                f"no service {name}{nearest(name, catalogue())}",
                f"There are: {', '.join(catalogue())}",
            )
    return tuple(s for name, s in catalogue().items() if not wanted or name in wanted)


def needing(cluster: Cluster, image: Image) -> tuple[Service, ...]:
    """Return the services that the labels ask for and that run `image`."""
    wanted = (image.repository, image.tag)
    return tuple(
        service
        for service in catalogue().values()
        if service.hosts(cluster)
        and wanted in [(other.repository, other.tag) for other in service.images(cluster)]
    )
