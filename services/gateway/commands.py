"""What gateway.* do: the authority's certificate, and one that a person has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cluster.config.secrets import Resolved, Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from services.gateway import given
from services.gateway.authority import root
from services.gateway.given import KEY as CERTIFICATE
from services.gateway.service import CA, SERVICE, called, hosts_of

if TYPE_CHECKING:
    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet

_APPLY = "./skp.py docker.apply"


def authority(cluster: Cluster, known: Resolved) -> str:
    """Return the certificate of the cluster's own authority, as PEM.

    Args:
        known: the secrets that managers have.

    Raises:
        ConfigError: there is no door, or it was never run: what makes the authority is not stored.
    """
    if not SERVICE.hosts(cluster):
        raise SERVICE.no_host_error(cluster)
    if CA in known.generated:
        raise ConfigError(f"{CA}, which the authority is made from, is not stored yet", _APPLY)
    return root(known.values[CA], called(cluster))


def own_certificate(cluster: Cluster, chain: str, key: str) -> Mapping[str, Secret]:
    """Return what is to be stored of a certificate that a person has, as `Declared.chosen`.

    Args:
        chain, key: the two files' content.

    Raises:
        ConfigError: there is no door, or it can't use them.
    """
    hosts = hosts_of(cluster)
    if not hosts:
        raise SERVICE.no_host_error(cluster)
    return {CERTIFICATE: given.stored(given.checked(chain, key, hosts, datetime.now(UTC)))}


def storing(cluster: Cluster, fleet: Fleet) -> Change:  # noqa: ARG001
    """Find the change that stores secrets which `Declared.chosen` has of the door."""
    from cluster.commands.change import Change

    return Change((), stores_secrets=True)
