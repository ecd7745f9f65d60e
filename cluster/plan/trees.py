"""The items for the shared folders, and what containers depend on there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cluster.model.cluster import Cluster
from cluster.model.item import Blocked, Difference, Item, Keep, Kind
from cluster.model.layout import Folder, Layout
from cluster.model.service import Service
from cluster.model.state import FoundNode, State, Trees
from cluster.model.trees import done, folders, homes, marker
from cluster.operations.decisions import SettleLayout
from cluster.operations.trees import ArrangeFolders, JoinUsersGroup
from cluster.plan.shared import ASK, found_trees, handed_to, other_users, wrong_folders
from cluster.plan.unanswered import look_at

_NAME = "shared folders"
_MARK = re.compile(r"[0-9a-f]{32}")


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
    node, wanted = state.nodes[cluster.inventory.master.name], folders(cluster, services)
    return ArrangeFolders(
        node.name,
        cluster.platform,
        homes(wanted),
        wanted,
        cluster.users,
        _former(cluster, state),
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
    found, why = found_trees(cluster, state)
    if obstacle := _unknown(cluster, state, why):
        return [Blocked(Kind.FILE, master, _NAME, *obstacle)]
    wanted = folders(cluster, services)
    wrong = wrong_folders(wanted, found)
    if others := other_users(cluster, state):
        reason = f"users' data belongs to {others}, and SKP_UID says {cluster.users}"
        return [Blocked(Kind.FILE, master, _NAME, reason, ASK)]
    if links := [p for p in wrong if p in found.folders and not _is_folder(found.folders[p])]:
        return [
            Blocked(
                Kind.FILE, master, _NAME,
                f"{links[0]} is no folder, but a {found.folders[links[0]].split(' ', 2)[2]}",
                f"Look at it, and remove it: ssh {master} ls -ld {links[0]}",
            )
        ]  # fmt: skip
    is_handed = handed_to(cluster, state) == cluster.users
    if not wrong and is_handed and state.nodes[master].marker_files.get(marker(cluster)):
        return [Keep(Kind.FILE, master, _NAME), *_remembered(state)]
    operation = arrangement(cluster, state, services)
    return [_with_differences(operation, wanted, found)]


def _remembered(state: State) -> list[Item]:
    """Return the operation that remembers that the folders were made once, if it is not known."""
    swarm = state.swarm
    return [SettleLayout(swarm.via)] if swarm and not swarm.decisions.arranged else []


def _unknown(cluster: Cluster, state: State, why: str) -> tuple[str, str] | None:
    """Return why it is not known how the folders are, and what to type; None if it is known."""
    master = cluster.inventory.master.name
    node, mark = state.nodes[master], marker(cluster)
    if why:
        return why, look_at(master, cluster.home)
    if unread := {mark, done(cluster)} & node.unread:
        return f"{min(unread)} could not be read", f"Look at it: ssh {master} ls -l {min(unread)}"
    texts = [n.marker_files.get(mark, "").strip() for n in state.nodes.values()]
    known = [text for text in texts if _MARK.fullmatch(text)]
    arranged = bool(state.swarm and state.swarm.decisions.arranged)
    if node.marker_files.get(mark) or not (known or arranged):
        return None
    text = known[0] if known else "found-again"
    begin = f"sudo mkdir -p {cluster.platform} && echo {text} | sudo tee {mark}"
    reason = f"{cluster.platform} is not the folder that it was: is it mounted there?"
    return reason, f'Mount it again. If its data is lost for good: ssh {master} "{begin}"'


def _with_differences(
    operation: ArrangeFolders, wanted: Sequence[Folder], found: Trees
) -> ArrangeFolders:
    changed = tuple(
        Difference(folder.path, folder.signature, found.folders[folder.path])
        for folder in wanted
        if found.folders.get(folder.path, folder.signature) != folder.signature
    )
    return replace(operation, differences=changed)


def _former(cluster: Cluster, state: State) -> tuple[int, ...]:
    """Return the user ids whose files become the users': the SSH user's, and whose they were."""
    node, before = state.nodes[cluster.inventory.master.name], handed_to(cluster, state)
    if before == cluster.users:
        return ()
    owner = node.owner if isinstance(node.owner, str) else ""
    told = [str(node.login.uid), owner.partition(":")[0], before.partition(":")[0]]
    ids = {int(word) for word in told if word.isdigit()}
    return tuple(sorted(ids - {0, int(cluster.users.partition(":")[0])}))


def _is_folder(signature: str) -> bool:
    return signature.endswith(" directory")
