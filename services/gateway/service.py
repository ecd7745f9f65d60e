"""The front door: one proxy with TLS that leads to every page. Decisions 112 and 113."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cluster.config.secrets import Secret
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.networks import Purpose, beside, network
from cluster.model.page import Asks
from cluster.model.route import PROJECTS, Routes
from cluster.model.spec import (
    SECRETS_TARGET,
    ConfigFile,
    Container,
    Port,
    Probe,
    SecretFile,
)
from cluster.model.state import State
from services.common import GATEWAY_USER, SCRATCH, check_memory, cpus, memory, name_on, own_user
from services.doors import DOMAIN, DOOR, GATEWAY, Origin, names_of_deployments, origins
from services.flask.service import PORT as ACCOUNTS_PORT
from services.flask.service import SERVICE as ACCOUNT_SERVICE
from services.flask.service import instances
from services.gateway import given
from services.gateway.address import KEY as ADDRESS
from services.gateway.address import address, at_both, keepers
from services.gateway.authority import Names, certificate, period_of
from services.gateway.deployments import deployments
from services.gateway.given import KEY as CERTIFICATE
from services.gateway.routes import INSIDE_PORT, configuration
from services.once_built import OnceBuilt

CA = "GATEWAY_CA_SECRET"
"""The stored secret that the cluster's own authority is made from."""
_LEAST_MEMORY = 192 << 20  # bytes; it has 92 MB when idle
_NAMED = 8443  # inside the container: where all pages with host names are
_PING = 8062  # on its loopback
_LIVE = f"{SECRETS_TARGET}/live"
# Seconds that reading a request may take: an upload to a page with a login of its own may be long.
_READING = {Asks.OWN: 3600, Asks.ACCOUNT: 60}
# Seconds that an answer may take. What the door asked an account for ends that soon after a logout.
_ANSWERING = {Asks.OWN: 0, Asks.ACCOUNT: 300}


class Gateway(OnceBuilt):
    """The service gateway: one container on each labelled node, all with the same pages."""

    name = GATEWAY
    title = "the front door"
    recipe = "docker-gateway"
    needs = ACCOUNT_SERVICE
    shell = ("bash",)
    settings = (
        Setting("GATEWAY_NAME", "name", "gateway-skp", "container name"),
        Setting("GATEWAY_TLS_PORT", "port", "8443", "port of all pages, with SKP_DOMAIN"),
        Setting(
            "GATEWAY_OFFSET", "count", "1000", "without it: what is added to each page's own port"
        ),
        Setting(
            "GATEWAY_HOST", "optional-host", "", 'name or address of the door; "": its node\'s'
        ),
        Setting(ADDRESS, "moving-address", "", "address that moves to a door that works"),
        Setting(
            "DEPLOY_DOMAIN", "optional-domain", "", 'where deployments have names; "": nowhere'
        ),
        Setting(CA, "lasting-password", "", "makes the authority; generated"),
        Setting(CERTIFICATE, "base64-file", "", "what gateway.cert stored: leave it to that"),
        Setting("GATEWAY_IMAGE", "image", "skp/docker-gateway", "image"),
        Setting("GATEWAY_TAG", "tag", "latest", "image tag"),
        Setting("GATEWAY_MEMORY", "memory", "512m", "memory limit; at least 192m"),
        Setting("GATEWAY_CPUS", "cpus", "", "CPU limit"),
    )

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:
        """Return what nodes remember of the routes that it was given."""
        return self.marks(cluster, cluster.settings.text("GATEWAY_NAME"))

    def warnings(self, cluster: Cluster) -> tuple[str, ...]:
        """Return warnings: a certificate ends, or pages are behind a door that is nowhere."""
        if self.hosts(cluster):
            own = given.read(cluster.secrets[CERTIFICATE])
            hosts = hosts_of(cluster)
            return tuple(given.complaints(own, hosts, datetime.now(UTC))) if own else ()
        if not cluster.settings.flag("SKP_DOOR_ONLY"):
            return ()
        place = cluster.settings.place("SKP_DOOR_ONLY")
        return (f"{place}: SKP_DOOR_ONLY: no front door runs, and pages publish no ports",)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:
        """Yield a container for each node, the first with the plain name; and its address's."""
        check_memory(cluster, "GATEWAY_MEMORY", _LEAST_MEMORY)
        hosts, (image,), found = self.hosts(cluster), self.images(cluster), origins(cluster)
        if not hosts:
            return
        ports, further, ways = _ports(cluster, found), _further(cluster), _ways(cluster, facts)
        moves = 1 if address(cluster) else 0
        listening = ConfigFile("traefik.yml", _listening(cluster, found))
        routes = SecretFile("routes.yml", _routes(cluster, found, ways))
        swarm, names = facts.swarm, names_of_deployments(cluster)[0]
        for index, host in enumerate(hosts):
            yield Container(
                node=host.name,
                name=name_on(host, index, cluster.settings.text("GATEWAY_NAME")),
                service=self.name,
                image=image,
                ports=at_both(cluster, host, ports),
                files=(listening,),
                live=(routes,),
                live_version=f"{swarm.id}:{ways.version}" if swarm and names else "",
                network=network(cluster, Purpose.USERS),
                also_on=further,
                joined_by=PROJECTS,
                joins=tuple(name for name in ways.networks if swarm and name in swarm.networks),
                user=own_user(cluster, facts, host.name, GATEWAY_USER),
                memory=memory(cluster, "GATEWAY_MEMORY"),
                cpus=cpus(cluster, "GATEWAY_CPUS"),
                read_only=True,
                scratch=SCRATCH,
                probe=Probe(("gateway-health",), timeout=6),
                stop_timeout=15,
                after=("registry", ACCOUNT_SERVICE.name),
                # (Before that, it could not listen on an address that is not there.)
                start_phase=moves,
                rolling_order=moves * len(hosts) + index + 1,
            )
        yield from keepers(cluster, hosts, image, ports[0].host)


def called(cluster: Cluster) -> Names:
    """Return what the doors are called. (A node's own name comes and goes with the label.)"""
    text = cluster.settings.text
    given = tuple(filter(None, (text("GATEWAY_HOST"), address(cluster))))
    hosts = tuple(host.ipv4 for host in SERVICE.hosts(cluster))
    deployments = (f"*.{text(DOMAIN)}",) if text(DOMAIN) else ()
    names = dict.fromkeys((*hosts, *given, *deployments, "127.0.0.1", "localhost"))
    return Names(tuple(names), text("SKP_DOMAIN"))


def hosts_of(cluster: Cluster) -> set[str]:
    """Return what a certificate has to be for: pages' hosts, and one name of a deployment's."""
    found = {origin.host for origin in origins(cluster).values()}
    domain = cluster.settings.text(DOMAIN)
    return found | {f"deployment.{domain}"} if domain else found


def _ways(cluster: Cluster, facts: State) -> Routes:
    """Return the ways to deployments; none where they have no names."""
    domain = names_of_deployments(cluster)[0]
    return facts.swarm.routes if facts.swarm and domain else Routes()


def _routes(cluster: Cluster, found: Mapping[str, Origin], ways: Routes) -> Secret:
    secrets, domain = cluster.secrets, cluster.settings.text(DOMAIN)
    signed = given.read(secrets[CERTIFICATE]) or certificate(
        secrets[CA], called(cluster), period_of(time.time())
    )
    return Secret(
        configuration(
            found,
            instances(cluster),
            secrets["FLASK_DOOR_SECRET"].reveal(),
            signed,
            ACCOUNTS_PORT,
            deployments(ways, domain) if domain else {},
        )
    )


def _ports(cluster: Cluster, found: Mapping[str, Origin]) -> tuple[Port, ...]:
    named = Port(cluster.settings.number("GATEWAY_TLS_PORT"), _NAMED)
    if cluster.settings.text("SKP_DOMAIN"):
        return (named,)
    by_port = tuple(Port(port, port) for port in _distinct(cluster, found))
    if not cluster.settings.text(DOMAIN):
        return by_port
    if taken := [port.host for port in by_port if port.host in (named.host, _NAMED)]:
        place = cluster.settings.place("GATEWAY_OFFSET")
        what = f"{place}: a page would be at the port {taken[0]} of the front door"
        why = "which names of deployments need"
        raise ConfigError(f"{what}, {why}", "Change GATEWAY_OFFSET or GATEWAY_TLS_PORT.")
    return (*by_port, named)


def _distinct(cluster: Cluster, found: Mapping[str, Origin]) -> list[int]:
    """Return the ports of all pages.

    Raises:
        ConfigError: two pages would have the same.
    """
    taken: dict[int, Origin] = {}
    for origin in found.values():
        other = taken.setdefault(origin.port, origin)
        # (Two with the same port of their own are told by that one.)
        if (other.page.port, other.page.index) != (origin.page.port, origin.page.index):
            place = cluster.settings.place("GATEWAY_OFFSET")
            raise ConfigError(
                f"{place}: the pages {other.page.name} and {origin.page.name} would both be at "
                f"the port {origin.port} of the front door",
                "Give one of them another port of its own, or set SKP_DOMAIN.",
            )
    return sorted(taken)


def _further(cluster: Cluster) -> tuple[str, ...]:
    """Return the networks beside the users' that pages are on, where those run."""
    from services import catalogue

    pages = {"portainer": Purpose.AGENTS, "prometheus": Purpose.METRICS}
    there = (purpose for name, purpose in pages.items() if catalogue()[name].hosts(cluster))
    return beside(cluster, *there)


def _listening(cluster: Cluster, found: Mapping[str, Origin]) -> str:
    """Return Traefik's static configuration, JSON that is YAML too: where it listens.

    doc.traefik.io/traefik/reference/static-configuration/file names the fields.
    """
    if cluster.settings.text("SKP_DOMAIN"):
        points = {DOOR: _entry(f":{_NAMED}", Asks.OWN)}
    else:
        points = {o.entry: _entry(f":{o.port}", o.page.asks) for o in found.values()}
        if cluster.settings.text(DOMAIN):
            points[DOOR] = _entry(f":{_NAMED}", Asks.OWN)
    loopback = {"trustedIPs": ["127.0.0.1/32"]}
    points |= {
        "inside": _entry(f"127.0.0.1:{INSIDE_PORT}", Asks.ACCOUNT) | {"forwardedHeaders": loopback},
        "ping": _entry(f"127.0.0.1:{_PING}", Asks.ACCOUNT),
    }
    static = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN", "format": "json"},
        "ping": {"entryPoint": "ping"},
        "entryPoints": points,
        "providers": {
            "providersThrottleDuration": "200ms",
            "file": {"directory": _LIVE, "watch": True},
        },
    }
    return json.dumps(static, indent=1, sort_keys=True) + "\n"


def _entry(address: str, asks: Asks) -> dict[str, Any]:
    limits = {"readTimeout": _READING[asks], "writeTimeout": _ANSWERING[asks], "idleTimeout": 180}
    # X_Skp_Token and X.Skp.Token are X-Skp-Token to a server that makes variables of headers.
    alone = {"aliasHeadersStrategy": "delete"}
    return {"address": address, "transport": {"respondingTimeouts": limits}, "http": alone}


SERVICE = Gateway()
