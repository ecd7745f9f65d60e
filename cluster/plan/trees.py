"""The items for the shared folders, and what containers depend on there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cluster.errors import ConfigError
from cluster.model.answer import Unanswered
from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Difference, Item, Keep, Kind
from cluster.model.layout import Folder, Layout
from cluster.model.service import Service
from cluster.model.spec import Container
from cluster.model.state import FoundNode, State, Trees
from cluster.model.trees import done, folders, marker, moves
from cluster.operations.trees import ArrangeFolders, JoinUsersGroup

_NAME = "shared folders"
_MOUNT = (
    "It has to be the same shared folder on every node: ./skp.py nfs.install, then "
    "./skp.py nfs.mount-skp; or mount your own file server's."
)


@dataclass(frozen=True)
class Shared:
    """What containers with folders on shared trees depend on.

    Attributes:
        home, platform: the users' folder, and the platform's; "" where there is one tree only.
        folders: the paths of the shared folders that services declare.
        wrong: those that are not there yet, or not as they should be.
        left: where data is wanted that still lies in an old place, by where it is to be.
        marker: the marker's path. said: what it says on the node that has the file system.
    """

    home: str = ""
    platform: str = ""
    folders: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    left: Mapping[str, str] = field(default_factory=dict)
    marker: str = ""
    said: str = ""

    def obstacle(self, container: Container, node: FoundNode) -> tuple[str, str] | None:
        """Return why the container can't be made, and what to type; None for nothing."""
        if not self.platform:
            return None
        for mount in container.mounts:
            if _within(mount.source, self.home) and mount.source not in self.folders:
                return _exposed(mount.source, container.service)
            if mount.source in self.left:
                return (
                    f"its data of an earlier version is still in {self.left[mount.source]}",
                    "./skp.py docker.apply on a terminal asks, and moves it.",
                )
        if str(node.login.uid) == container.user.partition(":")[0]:
            return (
                f"it would run as the SSH user (user id {node.login.uid}), who is root there",
                "Set SKP_UID and SKP_PLATFORM_UID to ids that nobody has on the nodes.",
            )
        return self._elsewhere(container, node)

    def _elsewhere(self, container: Container, node: FoundNode) -> tuple[str, str] | None:
        uses = any(_within(mount.source, self.platform) for mount in container.mounts)
        if not uses or not self.said or node.marker_files.get(self.marker) == self.said:
            return None
        return self.elsewhere

    @property
    def elsewhere(self) -> tuple[str, str]:
        """Why a node that does not see the platform's folder can't use it, and what to type."""
        return f"{self.platform} is not the master's there", _MOUNT

    def missing(self, container: Container) -> str:
        """Return what has to be arranged before the container is made; "" for nothing."""
        uses = [m for m in container.mounts if m.source in self.wrong]
        later = any(_within(m.source, self.platform) for m in container.mounts) and not self.said
        return f"{uses[0].source if uses else self.platform} is not arranged yet" * bool(
            uses or (self.platform and later)
        )


def shared(cluster: Cluster, state: State, services: Iterable[Service]) -> Shared:
    """Return what containers of `services` depend on.

    Raises:
        ConfigError: the platform's folder is in the users'.
    """
    if cluster.layout is Layout.ONE_TREE:
        return Shared()
    if cluster.platform == cluster.home or _within(cluster.platform, cluster.home):
        raise ConfigError(
            f"{cluster.settings.place('SKP_PLATFORM')}: SKP_PLATFORM: {cluster.platform} is in the "
            f"users' folder; allowed: a folder outside of {cluster.home}",
            'export SKP_PLATFORM="$SKP_HOME/platform"',
        )
    services = [service for service in services if service.hosts(cluster)]
    wanted, (found, _) = folders(cluster, services), _found(cluster, state)
    old = {move.new: move.old for move in moves(cluster, services)}
    return Shared(
        cluster.home,
        cluster.platform,
        frozenset(folder.path for folder in wanted),
        frozenset(_wrong(wanted, found)),
        {new: path for new, path in old.items() if path in found.left},
        marker(cluster),
        _said(cluster, state),
    )


def plan_trees(
    cluster: Cluster, state: State, services: Iterable[Service], nodes: Sequence[str]
) -> list[Item]:
    """Return the items that arrange the shared folders, and let SSH users of `nodes` use them."""
    if cluster.layout is Layout.ONE_TREE:
        return []
    members = [_member(cluster, state.nodes[n]) for n in nodes if n in state.nodes]
    own = [service for service in services if service.hosts(cluster)]
    return [*(item for item in members if item), *_arranged(cluster, state, own)]


def arrangement(cluster: Cluster, state: State, services: Sequence[Service]) -> ArrangeFolders:
    """Return the operation that arranges all folders of `services`."""
    node = state.nodes[cluster.inventory.master.name]
    return ArrangeFolders(
        node.name,
        cluster.platform,
        cluster.home,
        folders(cluster, services),
        cluster.users,
        _former(cluster, node),
        node.marker_files.get(marker(cluster), "").strip(),
    )


def _member(cluster: Cluster, node: FoundNode) -> Item | None:
    """Return the operation that gives a node's SSH user the users' group; None if it has it."""
    group = int(cluster.users.partition(":")[2])
    if not node.login.uid or group in node.login.groups:
        return None
    host = cluster.inventory.host(node.name)
    return JoinUsersGroup(node.name, group, host.user or cluster.settings.text("SKP_USER"))


def _arranged(cluster: Cluster, state: State, services: Sequence[Service]) -> list[Item]:
    master = cluster.inventory.master.name
    if master not in state.nodes:
        return []
    found, why = _found(cluster, state)
    if why:
        hint = f"Does its file server answer? ssh {master} ls -ld {cluster.home}"
        return [Blocked(Kind.FILE, master, _NAME, why, hint)]
    wanted = folders(cluster, services)
    wrong = _wrong(wanted, found)
    if links := [p for p in wrong if p in found.folders and not _is_folder(found.folders[p])]:
        return [
            Blocked(
                Kind.FILE, master, _NAME,
                f"{links[0]} is no folder, but a {found.folders[links[0]].split(' ', 2)[2]}",
                f"Look at it, and remove it: ssh {master} ls -ld {links[0]}",
            )
        ]  # fmt: skip
    texts = state.nodes[master].marker_files
    is_handed = texts.get(done(cluster), "").strip() == cluster.users
    if not wrong and is_handed and texts.get(marker(cluster)):
        return [Keep(Kind.FILE, master, _NAME)]
    operation = arrangement(cluster, state, services)
    return [_with_differences(operation, wanted, found)]


def _with_differences(
    operation: ArrangeFolders, wanted: Sequence[Folder], found: Trees
) -> ArrangeFolders:
    changed = tuple(
        Difference(folder.path, folder.signature, found.folders[folder.path])
        for folder in wanted
        if found.folders.get(folder.path, folder.signature) != folder.signature
    )
    return replace(operation, differences=changed)


def _former(cluster: Cluster, node: FoundNode) -> tuple[int, ...]:
    """Return the user ids whose files become the users': the SSH user's, and whose they were."""
    before = node.marker_files.get(done(cluster), "").strip()
    if before == cluster.users:
        return ()
    owner = node.owner if isinstance(node.owner, str) else ""
    told = [str(node.login.uid), owner.partition(":")[0], before.partition(":")[0]]
    ids = {int(word) for word in told if word.isdigit()}
    return tuple(sorted(ids - {0, int(cluster.users.partition(":")[0])}))


def _found(cluster: Cluster, state: State) -> tuple[Trees, str]:
    node = state.nodes.get(cluster.inventory.master.name)
    if node is None:
        return Trees(), "the master can't be reached"
    if isinstance(node.trees, Unanswered):
        return Trees(), node.trees.why
    return node.trees, ""


def _wrong(wanted: Iterable[Folder], found: Trees) -> list[str]:
    return [f.path for f in wanted if found.folders.get(f.path) != f.signature]


def _is_folder(signature: str) -> bool:
    return signature.endswith(" directory")


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
    return f"{path} {reason}", f"Name another in bin/env.sh, such as {name}; move the data there."


def _within(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")
