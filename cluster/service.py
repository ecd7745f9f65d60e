"""What a service tells the engine. Adding a service is adding one file under services/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cluster.errors import ConfigError
from cluster.inventory import Host, Inventory
from cluster.secrets import Secret
from cluster.settings import Setting, Settings
from cluster.spec import Container, Image, NodeFile
from cluster.state import State


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
        title: what it is, in a few words.
        shell: the command that `docker.NAME-shell` runs, or () for no such task.
        settings: the keys of bin/env.sh that it reads.
    """

    name: str
    title: str
    shell: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()

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

    def containers(self, cluster: Cluster, facts: State) -> Iterable[Container]:
        """Return the containers that it wants; pure."""
        raise NotImplementedError
