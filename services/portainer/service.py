"""Portainer: a web page that shows the cluster's containers, with an agent on every node.

Facts of it: docs.portainer.io (CLI configuration options, agent), checked against version 2.23.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cluster.config.earlier.names import Earlier, Outdated
from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.item import Item
from cluster.model.layout import Layout
from cluster.model.listeners import LOOPBACK, reached_at
from cluster.model.networks import Purpose, network
from cluster.model.page import Asks, Page
from cluster.model.service import Service
from cluster.model.spec import (
    ROOT,
    SECRETS_TARGET,
    Container,
    Image,
    Mount,
    Port,
    SecretFile,
    Source,
)
from cluster.model.state import State
from services.common import cpus, memory

_HTTP, _HTTPS, _DATA, _AGENT_PORT = 9000, 9443, "/data", 9001
_SOCKET = Mount("/var/run/docker.sock", "/var/run/docker.sock")
_VOLUMES = Mount("/var/lib/docker/volumes", "/var/lib/docker/volumes")
# Server and agents read their common secret from the environment only. `docker inspect` would show
# a variable of the container, so a shell sets it from a file.
_SECRET = f"AGENT_SECRET=$(cat {SECRETS_TARGET}/agent-secret) && export AGENT_SECRET && exec "
_AGENT, _SERVER = f"{_SECRET}./agent", f'{_SECRET}/portainer "$@"'
_SHELL_LESS = re.compile(r"portainer/portainer-ce:[0-9.]+|portainer/portainer-ce:latest")


class Portainer(Service):
    """The service portainer: a server on one node, and agents on all nodes."""

    name = "portainer"
    title = "Portainer"
    settings = (
        Setting("PORTAINER_NAME", "name", "portainer-skp", "container name"),
        Setting("PORTAINER_PORT", "port", "8050", "port of its page"),
        Setting("PORTAINER_API_PORT", "port", "8051", "port of its API, on its node's loopback"),
        Setting("PORTAINER_VOLUME", "path", "/var/portainer", "its data, on its node's own disk"),
        Setting("PORTAINER_PASSWORD", "lasting-password", "", "the user admin's first password"),
        Setting(
            "PORTAINER_IMAGE", "optional-public-image", "portainer/portainer-ce", "image; none: off"
        ),
        Setting("PORTAINER_TAG", "tag", "2.23.0-alpine", "image tag; one with a shell"),
        Setting("PORTAINER_AGENT", "flag", "TRUE", "whether each node has an agent"),
        Setting("PORTAINER_AGENT_IMAGE", "public-image", "portainer/agent", "the agents' image"),
        Setting("PORTAINER_AGENT_TAG", "tag", "2.23.0-alpine", "its tag; one with a shell"),
        Setting("PORTAINER_AGENT_SECRET", "password", "", "shared by server and agents; generated"),
        Setting("PORTAINER_MEMORY", "memory", "", "memory limit"),
        Setting("PORTAINER_CPUS", "cpus", "", "CPU limit"),
    )
    earlier = Earlier(
        outdated={
            "PORTAINER_ID": Outdated("Portainer's administrator is called admin"),
            "PORTAINER_PW": Outdated("its first password is another setting", "PORTAINER_PASSWORD"),
        },
        containers={"portainer": "PORTAINER_NAME"},
        implied_labels=("portainer-agent",),
        ports={"9000": "PORTAINER_PORT"},
        image="PORTAINER",
        gone={"portainer/portainer": "Portainer 1; the image of later ones is portainer-ce"},
        data={"/data": "PORTAINER_VOLUME"},
    )

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error: no image is named, or no node has the label."""
        if cluster.settings.text("PORTAINER_IMAGE"):
            return super().no_host_error(cluster)
        return ConfigError(
            f"{cluster.settings.path}: PORTAINER_IMAGE names no image: Portainer is switched off",
            'export PORTAINER_IMAGE="portainer/portainer-ce", where the master can pull that.',
        )

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the first node with its label; none when Portainer is switched off."""
        if not cluster.settings.text("PORTAINER_IMAGE"):
            return ()
        return super().hosts(cluster)[:1]

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the public images, which the master pulls and streams to the nodes."""
        text = cluster.settings.text
        server = Image(text("PORTAINER_IMAGE"), text("PORTAINER_TAG"), Source.STREAM)
        agent = Image(text("PORTAINER_AGENT_IMAGE"), text("PORTAINER_AGENT_TAG"), Source.STREAM)
        if not text("PORTAINER_IMAGE"):
            return ()
        return (server, agent) if cluster.settings.flag("PORTAINER_AGENT") else (server,)

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:
        """Return its page, which has accounts of its own."""
        if not self.hosts(cluster):
            return ()
        text, port = cluster.settings.text, cluster.settings.number("PORTAINER_PORT")
        page = Page("portainer", "Portainer", text("PORTAINER_NAME"), _HTTP, port, Asks.OWN)
        return (page,)

    def containers(self, cluster: Cluster, facts: State) -> Iterator[Container]:  # noqa: ARG002
        """Yield the server, and an agent for every node.

        Without agents (PORTAINER_AGENT), the server uses its own node's engine directly.
        """
        for host in self.hosts(cluster):
            yield self._server(cluster, host.name)
            if cluster.settings.flag("PORTAINER_AGENT"):
                yield from (self._agent(cluster, each.name) for each in cluster.inventory.hosts)

    def after_run(self, cluster: Cluster, facts: State) -> Iterator[Item]:  # noqa: ARG002
        """Yield the operation that registers the agents which the server does not know yet."""
        from services.portainer.registration import RegisterAgents

        for host in self.hosts(cluster):
            if cluster.settings.flag("PORTAINER_AGENT"):
                yield RegisterAgents(
                    host.name,
                    _api(cluster, host.name),
                    cluster.secrets["PORTAINER_PASSWORD"],
                    {
                        each.name: self._address(cluster, each.name)
                        for each in cluster.inventory.hosts
                    },
                )

    def _address(self, cluster: Cluster, node: str) -> str:
        return f"tcp://{self._agent_name(cluster, node)}:{_AGENT_PORT}"

    def _agent_name(self, cluster: Cluster, node: str) -> str:
        return f"{cluster.settings.text('PORTAINER_NAME')}-agent-{node}"

    def _server(self, cluster: Cluster, node: str) -> Container:
        password = SecretFile("admin-password", cluster.secrets["PORTAINER_PASSWORD"])
        start = ("--admin-password-file", f"{SECRETS_TARGET}/admin-password")
        data = Mount(cluster.settings.text("PORTAINER_VOLUME"), _DATA, create=True)
        agents = cluster.settings.flag("PORTAINER_AGENT")
        return Container(
            node=node,
            name=cluster.settings.text("PORTAINER_NAME"),
            service=self.name,
            image=_checked(cluster, self.images(cluster)[0]),
            entrypoint=("/bin/sh", "-c", _SERVER, "portainer") if agents else (),
            command=start if agents else (*start, "-H", "unix:///var/run/docker.sock"),
            mounts=(data,) if agents else (data, _SOCKET),
            ports=_ports(cluster),
            files=(password, _agent_secret(cluster)) if agents else (password,),
            network=network(cluster, Purpose.AGENTS),
            user=ROOT,
            memory=memory(cluster, "PORTAINER_MEMORY"),
            cpus=cpus(cluster, "PORTAINER_CPUS"),
            stop_timeout=20,
        )

    def _agent(self, cluster: Cluster, node: str) -> Container:
        name = self._agent_name(cluster, node)
        return Container(
            node=node,
            name=name,
            service=self.name,
            image=self.images(cluster)[1],
            entrypoint=("/bin/sh", "-c", _AGENT),
            mounts=(_SOCKET, _VOLUMES),
            files=(_agent_secret(cluster),),
            network=network(cluster, Purpose.AGENTS),
            user=ROOT,
            memory=memory(cluster, "PORTAINER_MEMORY"),
            cpus=cpus(cluster, "PORTAINER_CPUS"),
        )


def _agent_secret(cluster: Cluster) -> SecretFile:
    return SecretFile("agent-secret", cluster.secrets["PORTAINER_AGENT_SECRET"])


def _checked(cluster: Cluster, image: Image) -> Image:
    """Return the server's image, unless it is known to lack what gives it the agents' secret."""
    if cluster.settings.flag("PORTAINER_AGENT") and _SHELL_LESS.fullmatch(image.name):
        place = cluster.settings.place("PORTAINER_TAG")
        raise ConfigError(
            f"{place}: PORTAINER_TAG={image.tag} is an image without a shell, "
            "which could not be given the secret that its agents ask for",
            f'export PORTAINER_TAG="{image.tag}-alpine", or PORTAINER_AGENT="FALSE" for no agents',
        )
    return image


def _ports(cluster: Cluster) -> tuple[Port, ...]:
    """Return its page's port with TLS; without it, for SKP itself, one on its node's loopback."""
    page, own = (cluster.settings.number(f"PORTAINER_{key}") for key in ("PORT", "API_PORT"))
    if cluster.layout is Layout.ONE_TREE:
        return (Port(page, _HTTP),)
    return (Port(page, _HTTPS), Port(own, _HTTP, address=LOOPBACK))


def _api(cluster: Cluster, node: str) -> str:
    """Return "HOST:PORT" at which its node reaches its API without TLS."""
    if cluster.layout is Layout.ONE_TREE:
        return f"{reached_at(cluster, node)}:{cluster.settings.number('PORTAINER_PORT')}"
    return f"{LOOPBACK}:{cluster.settings.number('PORTAINER_API_PORT')}"


SERVICE = Portainer()
