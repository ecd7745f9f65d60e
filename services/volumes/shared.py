"""The shared folder: the public key, and what an earlier version left there for all to read."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.config.secrets import Secret
from cluster.errors import NodeError
from cluster.model.cluster import Cluster
from cluster.model.files import Credential
from cluster.model.item import Action, Item, Keep, Kind
from cluster.model.result import Outcome
from cluster.operations.base import Context, Operation
from cluster.operations.files import SaveCredential, linked, on_share
from cluster.operations.shared_files import LINKED, MISSING, reading, removing
from services.volumes.backends import Backend

if TYPE_CHECKING:
    from cluster.commands.change import Change, Find
    from cluster.connectors.fleet import Fleet
    from cluster.connectors.node import Node


def master(cluster: Cluster, fleet: Fleet) -> Node:
    """Return the master, through which the shared folder is read and written.

    Raises:
        NodeError: it can't be reached.
    """
    return fleet.node(cluster.inventory.master.name)


def saved(cluster: Cluster, fleet: Fleet, path: str, content: str) -> Item:
    """Return the item that has a file at `path` under $SKP_HOME/volume hold `content`.

    Raises:
        NodeError: the master can't be reached, or a link is in the way.
    """
    node = master(cluster, fleet)
    done = on_share(node, reading(cluster.home, path))
    if done.exit_code == LINKED:
        raise linked(node.name, cluster.home, path)
    if done.exit_code == 0 and done.stdout == content.encode():
        return Keep(Kind.CREDENTIAL, node.name, path)
    return SaveCredential(node.name, path, Credential(cluster.home, path, Secret(content)))


def left(cluster: Cluster, fleet: Fleet, path: str) -> str:
    """Return the file that an earlier version left at `path`; "" for none. It is not trusted.

    Raises:
        NodeError: the master can't be reached.
    """
    done = on_share(master(cluster, fleet), reading(cluster.home, path))
    return done.stdout.decode(errors="replace") if done.exit_code == 0 else ""


def exposed(cluster: Cluster, fleet: Fleet, backend: Backend) -> tuple[str, ...]:
    """Return warnings of credentials that an earlier version left, where notebooks read them.

    Raises:
        NodeError: the master can't be reached.
    """
    return tuple(
        f"{cluster.home}/{path} is from an earlier version, and whoever ran a notebook could read "
        "or change it. Nothing of it is taken over. docker.apply replaces the containers that read "
        "it, and then removes it. Have a key that lay there replaced where it opens something."
        for path in backend.shared[:1]
        if left(cluster, fleet, path)
    )


def storing(backend: Backend) -> Find:
    """Return what finds the change that stores secrets that `Declared.chosen` has of `backend`."""

    def find(cluster: Cluster, fleet: Fleet) -> Change:
        from cluster.commands.change import Change

        return Change((), warnings=exposed(cluster, fleet, backend), stores_secrets=True)

    return find


@dataclass(frozen=True)
class RemoveShared(Operation):
    """Remove what an earlier version left on the shared folder, once no container reads it.

    Attributes:
        home: the shared folder. nodes: those with containers of data volumes.
        paths: the files, under the shared folder.
    """

    node: str
    home: str
    nodes: tuple[str, ...]
    paths: tuple[str, ...]
    name: str = "credentials on the shared folder"
    kind, action = Kind.SERVICE, Action.REMOVE

    @property
    def after(self) -> tuple[str, ...]:
        """The containers, on whatever node."""
        return ("volumes",)

    @property
    def changes(self) -> bool:
        """Whether something is left is not known before the master was asked: False."""
        return False

    def execute(self, context: Context) -> str:
        """Return what was removed; "" where nothing is left, or a container may still read it.

        Raises:
            NodeError: a node can't be asked, or a file can't be removed.
        """
        if any(self._is_needed(context.fleet.nodes.get(name)) for name in self.nodes):
            return ""
        removed = [path for path in self.paths if self._removed(self.node_in(context), path)]
        return f"removed {', '.join(removed)}" if removed else ""

    def outcome(self, detail: str) -> Outcome:
        """Return DONE if something was removed, which `detail` then names."""
        return Outcome.DONE if detail else Outcome.UNCHANGED

    def _is_needed(self, node: Node | None) -> bool:
        """Whether a node has a container of an earlier version, or was not asked."""
        if node is None:
            return True
        # Its bind was this folder.
        done = node.run(shlex.join(["docker", "ps", "-aq", "--filter", f"volume={self.home}/etc"]))
        if done.exit_code:
            raise NodeError(node.name, f"its containers can't be listed: {done.complaint()}")
        return bool(done.text)

    def _removed(self, node: Node, path: str) -> bool:
        done = on_share(node, removing(self.home, path))
        # A link on the way is no folder that an earlier version made.
        if done.exit_code not in (0, MISSING, LINKED):
            what = f"{self.home}/{path} can't be removed: {done.complaint()}"
            raise NodeError(node.name, what)
        return done.exit_code == 0
