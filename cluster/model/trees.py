"""The folders of the users' and of the platform's tree, as services together need them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.model.cluster import Cluster
from cluster.model.layout import DONE, MARKER, Folder, Move
from cluster.model.service import Service


def users_folder(cluster: Cluster, path: str) -> Folder:
    """Return a folder of users' data: what is root's in it, they can neither rename nor remove."""
    return Folder(path, f"0:{cluster.users.partition(':')[2]}", 0o3775)


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


def moves(cluster: Cluster, services: Iterable[Service]) -> tuple[Move, ...]:
    """Return where an earlier version kept data of `services`, and where it is now."""
    return tuple(move for service in services for move in service.moves(cluster))


def marker(cluster: Cluster) -> str:
    """Return the path of the file by which nodes show that they see the same platform's folder."""
    return f"{cluster.platform}/{MARKER}"


def done(cluster: Cluster) -> str:
    """Return the path of the file that says to whom users' data was handed over."""
    return f"{cluster.platform}/{DONE}"
