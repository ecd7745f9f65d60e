"""What a service tells the engine. Adding a service is adding one file under services/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from cluster.config.inventory import Host, Inventory
from cluster.config.secrets import Secret
from cluster.config.settings import Setting, Settings
from cluster.errors import ConfigError
from cluster.model.database import Database
from cluster.model.spec import Container, Image, NodeFile
from cluster.model.state import FoundNode, State
from cluster.model.step import Step

if TYPE_CHECKING:
    from cluster.connectors.fleet import Fleet


@dataclass(frozen=True)
class Cluster:
    """What is wanted, before any service has read it.

    Attributes:
        files: what every node is to have on its own disk.
    """

    settings: Settings
    inventory: Inventory
    secrets: Mapping[str, Secret]
    files: tuple[NodeFile, ...] = ()

    @property
    def home(self) -> str:
        """The shared folder, the same path on every node."""
        return f"{self.settings.text('SKP_HOME')}/volume"


class Service:
    """Base of all services.

    Attributes:
        name: its label in hosts.json, and the middle of its tasks (`docker.NAME-run`).
        labels: its labels, of a service that has others than its name.
        title: what it is, in a few words.
        shell: the command that `docker.NAME-shell` runs, or () for no such task.
        client: the command of its own client in its container there, that `docker.NAME-client`
            runs, or () for no such task.
        settings: the keys of bin/env.sh that it reads.
        recipe: the folder of images/ that its own image is built from, such as docker-NAME, which
            `docker.image-build-NAME` builds as the setting NAME_IMAGE says; "" for none.
        verbs: what else `docker.NAME-VERB -h NODE` does, in its container there: what it is, in a
            sentence, and the command.
        numbered: whether each of its nodes has a number for ever; see `cluster.numbers`.
    """

    name: str
    title: str
    labels: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    recipe: str = ""
    verbs: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType({})
    numbered: bool = False

    def hosts(self, cluster: Cluster) -> tuple[Host, ...]:
        """Return the hosts that it runs on: those with its label."""
        return cluster.inventory.labelled(self.name)

    def nowhere(self, cluster: Cluster) -> ConfigError:
        """Return the error for a `-run` that no chosen node is for."""
        return ConfigError(
            f"no chosen node has the label {self.name}",
            f'Add {{"{self.name}": "enable"}} to a node in {cluster.inventory.path}.',
        )

    def images(self, cluster: Cluster) -> tuple[Image, ...]:
        """Return the images that it needs, so that their digests are observed."""
        raise NotImplementedError

    def database(self, cluster: Cluster) -> Database | None:  # noqa: ARG002
        """Return the database that it wants in the cluster's MySQL, or None."""
        return None

    def notes(self, cluster: Cluster) -> tuple[str, ...]:  # noqa: ARG002
        """Return the paths of small files on its nodes that it wants to have read."""
        return ()

    def claimed(self, cluster: Cluster, node: FoundNode) -> int:  # noqa: ARG002
        """Return the number that the data on `node` says it is of; 0 for none."""
        return 0

    def containers(self, cluster: Cluster, facts: State) -> Iterable[Container]:
        """Return the containers that it wants; pure."""
        raise NotImplementedError

    def first(self, cluster: Cluster, facts: State) -> Iterable[Step]:  # noqa: ARG002
        """Return what has to be done once before its containers can work; pure.

        `docker.apply` does these steps (a RUN, a JOB); where they have a hint, a `-run` says that
        and does nothing.
        """
        return ()

    def finish(self, cluster: Cluster, fleet: Fleet) -> Iterable[str]:  # noqa: ARG002
        """Do what only the running service itself can be asked for: after each `-run`, and after
        an apply that made or replaced a container of it.

        Returns what was changed, a sentence each; the second time nothing.

        Raises:
            NodeError: the service refuses.
        """
        return ()
