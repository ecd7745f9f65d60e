"""What is unknown of a node stops the containers that depend on it. Pure.

No default stands in for an answer: where it is not known whom a service is to run as, there is no
container, rather than one that runs as root.
"""

from __future__ import annotations

from cluster.model.answer import Unanswered
from cluster.model.layout import holds
from cluster.model.spec import UNKNOWN_USER, Container
from cluster.model.state import FoundNode


def unread(container: Container, wanted: frozenset[str], node: FoundNode) -> tuple[str, str] | None:
    """Return the obstacle when a file that the container's service asked for can't be read."""
    found = sorted(wanted & node.unread)
    if not found:
        return None
    return (
        f"{found[0]} is there and could not be read as a plain file",
        f"Look at it: ssh {container.node} ls -l {found[0]}",
    )


def look_at(node: str, folder: str) -> str:
    """Return what to type when a shared folder does not answer."""
    return f"Does its file server answer? ssh {node} ls -ld {folder}"


def unowned(container: Container, home: str, node: FoundNode) -> tuple[str, str] | None:
    """Return the obstacle when the shared folder, or whom the container may run as, is not known.

    Args:
        home: the path of the shared folder.
    """
    within = any(holds(home, mount.source) for mount in container.mounts)
    if within or container.user == UNKNOWN_USER:
        if isinstance(node.owner, Unanswered):
            return node.owner.why, look_at(node.name, home)
        if not node.owner:
            return f"{home} is not there", "It has to be the same shared folder on every node."
    if container.user == UNKNOWN_USER:
        return (
            f"{home} belongs to root, as whom no service may run",
            f"Give it to the notebooks' user, sudo chown UID:GID {home}, or set SKP_UID.",
        )
    return None
