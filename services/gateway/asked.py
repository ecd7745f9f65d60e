"""By which addresses containers of deployments ask the account service: they share no network."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cluster.config.secrets import Resolved, Secret
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from services.doors import ACCOUNTS, doors, origins
from services.flask.service import PROJECTS
from services.flask.service import SERVICE as ACCOUNT_SERVICE
from services.gateway import given
from services.gateway.authority import root
from services.gateway.given import KEY as CERTIFICATE
from services.gateway.service import CA, called


@dataclass(frozen=True)
class Ways:
    """Ways to the account service from anywhere.

    Attributes:
        urls: all lead to it. authority: PEM certificates that sign for it; "" for those that a
            system knows.
        key: the stored secret that credentials of projects are made with.
    """

    urls: tuple[str, ...]
    authority: str
    key: Secret


def ways(cluster: Cluster, known: Resolved) -> Ways:
    """Return how it is reached: by the front door where there is one, else at its own port.

    Args:
        known: the secrets that managers have.

    Raises:
        ConfigError: it runs nowhere, publishes no port, or its secrets are not stored yet.
    """
    if not ACCOUNT_SERVICE.hosts(cluster):
        raise ACCOUNT_SERVICE.no_host_error(cluster)
    origin = origins(cluster).get(ACCOUNTS)
    for needed in (PROJECTS, *([CA] if origin else [])):
        if needed in known.generated:
            raise ConfigError(f"{needed} is not stored yet", "./skp.py docker.apply")
    text, key = cluster.settings.text, known.values[PROJECTS]
    if origin is None:
        return Ways(_ports(cluster), "", key)
    own = given.read(known.values[CERTIFICATE])
    authority = given.signers(own) if own else root(known.values[CA], called(cluster))
    named = any(text(each) for each in ("SKP_DOMAIN", "GATEWAY_HOST", "GATEWAY_ADDRESS"))
    hosts = [origin.host] if named else [host.ipv4 for host in doors(cluster)]
    return Ways(tuple(replace(origin, host=host).url for host in hosts), authority, key)


def _ports(cluster: Cluster) -> tuple[str, ...]:
    """Return the account services' own ports, which speak HTTP."""
    if cluster.settings.flag("SKP_DOOR_ONLY"):
        what = f"{cluster.settings.place('SKP_DOOR_ONLY')}: SKP_DOOR_ONLY: no front door runs"
        raise ConfigError(what, "docs/the-front-door.md")
    port = cluster.settings.number("FLASK_PORT")
    return tuple(f"http://{host.ipv4}:{port}" for host in ACCOUNT_SERVICE.hosts(cluster))
