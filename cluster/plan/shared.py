"""What containers depend on of the shared folders, and what stands in their way there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cluster.errors import ConfigError
from cluster.model.answer import Unanswered
from cluster.model.cluster import OWN_USERS, Cluster
from cluster.model.layout import Folder, Layout, holds
from cluster.model.service import Service
from cluster.model.spec import Container
from cluster.model.state import FoundNode, State, Trees
from cluster.model.trees import done, folders, homes, marker, moves

ASK = "./skp.py docker.apply on a terminal shows what happens, and asks."
_MOUNT = (
    "It has to be the same shared folder on every node: ./skp.py nfs.install, then "
    "./skp.py nfs.mount-skp; or mount your own file server's."
)
_ANOTHER = "Name another folder in bin/env.sh."


@dataclass(frozen=True)
class Shared:
    """What containers with folders on shared trees depend on.

    Attributes:
        homes: the folders of users' data. platform: the platform's; "" while there is one tree.
        folders: the paths of the shared folders that services declare.
        wrong: those that are not there yet, or not as they should be.
        left: where data is wanted that still lies in an old place, by where it is to be.
        others: whose users' data still is, if not theirs whom the settings name.
        marker: the marker's path. said: what it says on the node that has the file system.
    """

    homes: tuple[str, ...] = ()
    platform: str = ""
    folders: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    left: Mapping[str, str] = field(default_factory=dict)
    others: str = ""
    marker: str = ""
    said: str = ""

    def obstacle(self, container: Container, node: FoundNode) -> tuple[str, str] | None:
        """Return why the container can't be made, and what to type; None for nothing."""
        if not self.platform:
            return None
        return self._misplaced(container) or self._misowned(container, node)

    def _misplaced(self, container: Container) -> tuple[str, str] | None:
        for mount in container.mounts:
            if self._is_exposed(mount.source):
                return _exposed(mount.source, container.service)
            if holds(mount.source, self.platform):
                return f"{mount.source} holds the platform's folder", _ANOTHER
            if mount.source in self.left:
                where = self.left[mount.source]
                return f"its data of an earlier version is still in {where}", ASK
        return None

    def _misowned(self, container: Container, node: FoundNode) -> tuple[str, str] | None:
        if self.others and any(self._is_shared(mount.source) for mount in container.mounts):
            return f"users' data belongs to {self.others}, and not to SKP_UID", ASK
        if node.login.uid and str(node.login.uid) == container.user.partition(":")[0]:
            return (
                f"it would run as the SSH user (user id {node.login.uid}), who is root there",
                "Set SKP_UID and SKP_PLATFORM_UID to ids that nobody has on the nodes.",
            )
        return self._elsewhere(container, node)

    def _is_shared(self, path: str) -> bool:
        return any(holds(top, path) for top in (*self.homes, self.platform))

    def _is_exposed(self, path: str) -> bool:
        """Whether somebody could put something else in place of a folder of users' data."""
        parents = {str(parent) for parent in PurePosixPath(path).parents}
        return any(
            {path, *(p for p in parents if _within(p, home))} - self.folders
            for home in self.homes
            if _within(path, home)
        )

    def _elsewhere(self, container: Container, node: FoundNode) -> tuple[str, str] | None:
        sees = node.marker_files.get(self.marker) == self.said
        return self.elsewhere if self.said and not sees and self._uses_platform(container) else None

    def _uses_platform(self, container: Container) -> bool:
        return any(_within(mount.source, self.platform) for mount in container.mounts)

    @property
    def elsewhere(self) -> tuple[str, str]:
        """Why a node that does not see the platform's folder can't use it, and what to type."""
        return f"{self.platform} is not the master's there", _MOUNT

    def missing(self, container: Container) -> str:
        """Return what has to be arranged before the container is made; "" for nothing."""
        missing = [mount.source for mount in container.mounts if mount.source in self.wrong]
        if self.platform and not self.said and self._uses_platform(container):
            missing.append(self.platform)
        return f"{missing[0]} is not arranged yet" if missing else ""


def shared(cluster: Cluster, state: State, services: Iterable[Service]) -> Shared:
    """Return what containers of `services` depend on.

    Raises:
        ConfigError: the platform's folder is in the users'.
    """
    if cluster.layout is Layout.ONE_TREE:
        return Shared()
    if holds(cluster.home, cluster.platform):
        raise ConfigError(
            f"{cluster.settings.place('SKP_PLATFORM')}: SKP_PLATFORM: {cluster.platform} is in the "
            f"users' folder; allowed: a folder outside of {cluster.home}",
            'export SKP_PLATFORM="$SKP_HOME/platform"',
        )
    services = [service for service in services if service.hosts(cluster)]
    wanted, (found, _) = folders(cluster, services), found_trees(cluster, state)
    old = {move.new: move.old for move in moves(cluster, services)}
    _check_users(cluster)
    return Shared(
        homes(wanted),
        cluster.platform,
        frozenset(folder.path for folder in wanted),
        frozenset(wrong_folders(wanted, found)),
        {new: path for new, path in old.items() if path in found.left},
        other_users(cluster, state),
        marker(cluster),
        _said(cluster, state),
    )


def _check_users(cluster: Cluster) -> None:
    """Refuse a user id of users' code that is a service's too.

    Raises:
        ConfigError: it is.
    """
    base = int(cluster.settings.text("SKP_PLATFORM_UID"))
    if base < int(cluster.users.partition(":")[0]) <= base + OWN_USERS:
        raise ConfigError(
            f"{cluster.settings.place('SKP_UID')}: SKP_UID: {cluster.users} is among the user ids "
            f"of the platform's services; allowed: none of {base + 1} to {base + OWN_USERS}",
            "Change SKP_UID, or SKP_PLATFORM_UID.",
        )


def handed_to(cluster: Cluster, state: State) -> str:
    """Return to whom users' data was handed over, as the file says that tells it; "" for nobody."""
    node = state.nodes.get(cluster.inventory.master.name)
    return node.marker_files.get(done(cluster), "").strip() if node else ""


def other_users(cluster: Cluster, state: State) -> str:
    """Return whose users' data still is, if not theirs whom the settings name; "" for nobody."""
    there = handed_to(cluster, state)
    return there if there != cluster.users else ""


def found_trees(cluster: Cluster, state: State) -> tuple[Trees, str]:
    """Return the shared folders as the master has them, and why they are not known, or ""."""
    node = state.nodes.get(cluster.inventory.master.name)
    if node is None:
        return Trees(), "the master can't be reached"
    if isinstance(node.trees, Unanswered):
        return Trees(), node.trees.why
    return node.trees, ""


def wrong_folders(wanted: Iterable[Folder], found: Trees) -> list[str]:
    """Return the paths of those that are not there, or not as they should be."""
    return [f.path for f in wanted if found.folders.get(f.path) != f.signature]


def _said(cluster: Cluster, state: State) -> str:
    """Return what the marker says where the file system is, or on most nodes while that is off."""
    texts = {name: node.marker_files.get(marker(cluster), "") for name, node in state.nodes.items()}
    master = cluster.inventory.master.name
    if master in texts:
        return texts[master]
    known = Counter(text for text in texts.values() if text)
    return known.most_common(1)[0][0] if known else ""


def _exposed(path: str, service: str) -> tuple[str, str]:
    reason = "is inside the users' folder, where whoever runs a notebook may put anything"
    name = f'"$SKP_PLATFORM/{service}"'
    return f"{path} {reason}", f"{_ANOTHER[:-1]}, such as {name}; move the data there."


def _within(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")
