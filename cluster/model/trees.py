"""The folders of the users' and of the platform's tree, as services together need them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.model.cluster import Cluster
from cluster.model.layout import DONE, MARKER, Folder, Move
from cluster.model.service import Service

_USERS = 0o3775  # sticky: what is root's in it, users can neither rename nor remove


def users_folder(cluster: Cluster, path: str) -> Folder:
    """Return a folder of users' data: what is root's in it, they can neither rename nor remove."""
    return Folder(path, f"0:{cluster.users.partition(':')[2]}", _USERS)


def folders(cluster: Cluster, services: Iterable[Service]) -> tuple[Folder, ...]:
    """Return the shared folders that `services` need, each once, parents first."""
    own = (folder for service in services for folder in service.folders(cluster))
    every = (
        Folder(cluster.platform, "0:0", 0o711),
        users_folder(cluster, cluster.home),
        Folder(f"{cluster.home}/var", "0:0", 0o755),
        *own,
    )
    return tuple({folder.path: folder for folder in every}.values())


def homes(every: Iterable[Folder]) -> tuple[str, ...]:
    """Return the paths of those folders that are users' data as a whole."""
    return tuple(folder.path for folder in every if folder.mode == _USERS)


def moves(cluster: Cluster, services: Iterable[Service]) -> tuple[Move, ...]:
    """Return where an earlier version kept data of `services`, and where it is now."""
    return tuple(move for service in services for move in service.moves(cluster))


def marker(cluster: Cluster) -> str:
    """Return the path of the file by which nodes show that they see the same platform's folder."""
    return f"{cluster.platform}/{MARKER}"


def done(cluster: Cluster) -> str:
    """Return the path of the file that says to whom users' data was handed over."""
    return f"{cluster.platform}/{DONE}"
