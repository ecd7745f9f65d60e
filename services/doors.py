"""Where the front door has each page: what it, the account service and the login page agree on.

Each page has an origin of its own (scheme, host and port), so that no page's script can act on
another. With SKP_DOMAIN that is a host name; without it a port of the door, since browsers keep the
origins of two ports apart, though not their cookies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.config.inventory import Host
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.page import Page

GATEWAY, LOGIN, ACCOUNTS = "gateway", "login", "accounts"
"""The names of the door's service, and of the pages of the login and of the account service."""
DOOR = "door"
"""The entry point of all pages that have a host name; without one each has its own."""
DOMAIN = "DEPLOY_DOMAIN"
_ANOTHER = "Name another domain, best of all one that has nothing else."
_STEP = 100  # between the ports of pages that are published at the same port of several nodes
_HTTPS, _LAST = 443, 65535


@dataclass(frozen=True)
class Origin:
    """A page at the front door.

    Attributes:
        host: its host name or address. port: the door's port that it is at.
        entry: the door's entry point for it: `DOOR`, or one of the page's name.
    """

    page: Page
    host: str
    port: int
    entry: str

    @property
    def url(self) -> str:
        """Scheme, host and port as a browser says them in `Origin`."""
        return f"https://{self.host}{'' if self.port == _HTTPS else f':{self.port}'}"


def alone(hosts: Sequence[Host], index: int, name: str) -> str:
    """Return the name on the overlays that one of a service's containers has for itself.

    The plain name is the first one's, and an alias of all: where there are several, the first needs
    another. (The further ones have it: `name_on`.)

    Args:
        hosts: the service's. index: which of them. name: the plain name.
    """
    return name if len(hosts) == 1 else f"{name}-{hosts[index].name}"


def aliases(hosts: Sequence[Host], index: int, name: str) -> tuple[str, ...]:
    """Return the alias of all containers of a service; the first of several has `alone` too."""
    return (name, alone(hosts, 0, name)) if index == 0 and len(hosts) > 1 else (name,)


def doors(cluster: Cluster) -> tuple[Host, ...]:
    """Return the nodes that a front door runs on."""
    from services import catalogue

    return catalogue()[GATEWAY].hosts(cluster)


def origins(cluster: Cluster) -> Mapping[str, Origin]:
    """Return where each page is, by the page's name; {} where there is no door.

    Raises:
        ConfigError: a page would have a port that there is not.
    """
    from services import catalogue

    found = doors(cluster)
    if not found:
        return {}
    text = cluster.settings.text
    host = text("GATEWAY_HOST") or text("GATEWAY_ADDRESS") or found[0].ipv4
    pages = [page for service in catalogue().values() for page in service.pages(cluster)]
    if domain := text("SKP_DOMAIN"):
        port = cluster.settings.number("GATEWAY_TLS_PORT")
        return {page.name: Origin(page, f"{page.name}.{domain}", port, DOOR) for page in pages}
    return {page.name: Origin(page, host, _port(cluster, page), page.name) for page in pages}


def _port(cluster: Cluster, page: Page) -> int:
    offset = cluster.settings.number("GATEWAY_OFFSET")
    port = page.port + offset + _STEP * page.index
    if port > _LAST:
        raise ConfigError(
            f"{cluster.settings.place('GATEWAY_OFFSET')}: GATEWAY_OFFSET: {offset}: {page.name}, "
            f"whose own port is {page.port}, would be at the port {port} of the front door",
            f"Allowed: ports up to {_LAST}. With SKP_DOMAIN all pages are at GATEWAY_TLS_PORT.",
        )
    return port


def names_of_deployments(cluster: Cluster) -> tuple[str, int, str]:
    """Return the domain and port of deployments' names, and why there are none.

    Raises:
        ConfigError: they would be among the platform's own pages.
    """
    text, port = cluster.settings.text, cluster.settings.number("GATEWAY_TLS_PORT")
    domain = text(DOMAIN)
    if domain and domain == text("SKP_DOMAIN"):
        place = cluster.settings.place(DOMAIN)
        what = f"{place}: {DOMAIN}: {domain} is SKP_DOMAIN, where the platform's own pages are"
        raise ConfigError(what, _ANOTHER)
    beside = {each.host for each in origins(cluster).values()} if domain else set()
    if own := [host for host in sorted(beside) if host.lower().partition(".")[2] == domain]:
        place = cluster.settings.place(DOMAIN)
        what = f"{place}: {DOMAIN}: {own[0]} has the platform's own pages: it would be a name there"
        # (A browser sends the cookies of a host to all of its ports.)
        raise ConfigError(what, _ANOTHER)
    if not doors(cluster):
        return "", port, "there is no front door"
    return domain, port, "" if domain else f"{DOMAIN} is not set"
