"""The credentials of the data volumes, files on the shared folder (decision 54)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from cluster.errors import NodeError
from cluster.model.cluster import Cluster
from cluster.model.item import Item, Keep, Kind
from cluster.model.spec import Credential
from cluster.operations.files import SaveCredential, linked
from cluster.operations.shared_files import LINKED, MISSING, reading

if TYPE_CHECKING:
    from cluster.commands.change import Change
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node


def master(cluster: Cluster, fleet: Fleet) -> Node:
    """Return the master, through which the shared folder is read and written.

    Raises:
        NodeError: it can't be reached.
    """
    return fleet.node(cluster.inventory.master.name)


def read(cluster: Cluster, fleet: Fleet, path: str) -> Secret | None:
    """Return the credential at `path` (under $SKP_HOME/volume); None when there is none.

    Raises:
        NodeError: it can't be read.
    """
    node = master(cluster, fleet)
    done = node.run(reading(cluster.home, path))
    if done.exit_code == MISSING:
        return None
    if done.exit_code == LINKED:
        raise linked(node.name, cluster.home, path)
    if done.exit_code:
        raise NodeError(node.name, f"{cluster.home}/{path} can't be read: {done.complaint()}")
    return Secret(done.stdout.decode())


def write(cluster: Cluster, fleet: Fleet, wanted: Mapping[str, Secret]) -> Change:
    """Return the change that writes credentials; those that are right already are kept.

    Args:
        wanted: contents by path under $SKP_HOME/volume.

    Raises:
        NodeError: the master can't be reached, or a credential can't be read.
    """
    from cluster.commands.change import Change

    node = master(cluster, fleet).name

    def planned(path: str, content: Secret) -> Item:
        if read(cluster, fleet, path) == content:
            return Keep(Kind.CREDENTIAL, node, path)
        return SaveCredential(node, path, Credential(cluster.home, path, content))

    return Change(tuple(planned(path, content) for path, content in wanted.items()))
