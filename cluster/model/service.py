"""What a service declares. A new service is one file, or one folder, under services/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cluster.config.earlier.names import Earlier
from cluster.config.inventory import Host
from cluster.config.settings import Setting
from cluster.errors import ConfigError
from cluster.model.cluster import Cluster
from cluster.model.database import Database
from cluster.model.files import NodeFile
from cluster.model.item import Item
from cluster.model.layout import Folder, Move
from cluster.model.page import Page
from cluster.model.setup import SetupStep
from cluster.model.spec import Container, Image
from cluster.model.state import FoundNode, State


class Service:
    """Base of all services.

    Attributes:
        name: its label in hosts.json, and the middle of its tasks (`docker.NAME-run`).
        labels: its labels; () for its name alone.
        title: what it is, in a few words.
        shell: the command that `docker.NAME-shell` runs, or () for no such task.
        client: the command of its own client in its container there, that `docker.NAME-client`
            runs, or () for no such task.
        settings: the settings of bin/env.sh that are its own.
        recipe: the folder of images/ that its own image is built from, such as docker-NAME, which
            `docker.image-build-NAME` builds as the setting NAME_IMAGE says; "" for none.
        verbs: further commands in its container on a node, which `docker.NAME-VERB -h NODE` runs:
            by verb a sentence that says what it does, and the command's words.
        node_files: files that every node has on its own disk because of it.
        earlier: what earlier versions called its settings.
        numbered: whether its nodes have ordinals; see `cluster.model.ordinals`.
    """

    name: str
    title: str
    labels: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    recipe: str = ""
    verbs: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType({})
    node_files: tuple[NodeFile, ...] = ()
    numbered: bool = False
    earlier: Earlier = Earlier()

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the hosts that it runs on: those with its label."""
        return cluster.inventory.labelled(self.name)

    def numbered_hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the hosts that have ordinals, if it is numbered: all that it runs on."""
        return self.hosts(cluster)

    def no_host_error(self, cluster: Cluster) -> ConfigError:
        """Return the error for a `-run` when no chosen node is one of its hosts."""
        return ConfigError(
            f"no chosen node has the label {self.name}",
            f'Add {{"{self.name}": "enable"}} to a node in {cluster.inventory.path}.',
        )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the images that its containers run; their ids or digests are observed."""
        raise NotImplementedError

    def database(self, cluster: Cluster) -> Database | None:  # noqa: ARG002
        """Return the database that it wants in the cluster's MySQL, or None."""
        return None

    def pages(self, cluster: Cluster) -> tuple[Page, ...]:  # noqa: ARG002
        """Return the pages of its containers that people open in a browser."""
        return ()

    def marker_files(self, cluster: Cluster) -> tuple[str, ...]:  # noqa: ARG002
        """Return the paths of small files on its nodes that it wants to have read."""
        return ()

    def folders(self, cluster: Cluster) -> tuple[Folder, ...]:  # noqa: ARG002
        """Return the shared folders that it needs: parents first, each with its owner."""
        return ()

    def moves(self, cluster: Cluster) -> tuple[Move, ...]:  # noqa: ARG002
        """Return where an earlier version kept what is in the platform's folder now."""
        return ()

    def remains(self, cluster: Cluster) -> tuple[str, ...]:  # noqa: ARG002
        """Return the files that an earlier version left, of which nothing is taken over."""
        return ()

    def warnings(self, cluster: Cluster) -> tuple[str, ...]:  # noqa: ARG002
        """Return what a person should know of its settings; nothing is wrong with it."""
        return ()

    def ordinal_on_disk(self, cluster: Cluster, node: FoundNode) -> int:  # noqa: ARG002
        """Return the ordinal that the data on `node` belongs to; 0 if there is no data."""
        return 0

    def containers(self, cluster: Cluster, facts: State) -> Iterable[Container]:
        """Return the containers that it wants; pure."""
        raise NotImplementedError

    def setup_steps(self, cluster: Cluster, facts: State) -> Iterable[SetupStep]:  # noqa: ARG002
        """Return what has to be done once before its containers can work; pure.

        `docker.apply` carries these steps out. A `-run` does so only with steps that have no hint;
        for the others it shows the hint, and does not run the containers.
        """
        return ()

    def after_run(self, cluster: Cluster, facts: State) -> Iterable[Item]:  # noqa: ARG002
        """Return the operations that only the running service itself can carry out; pure.

        They follow each `-run`, and each apply that creates or replaces a container of the service.
        When nothing is left to do they change nothing.
        """
        return ()
