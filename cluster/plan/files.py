"""The items for the files that nodes have on their own disks. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.model.files import NodeFile
from cluster.model.item import Difference, Item, Keep, Kind
from cluster.model.state import State
from cluster.operations.files import InstallFile


def plan_files(files: Iterable[NodeFile], state: State, nodes: Iterable[str]) -> list[Item]:
    """Return an item for each file on each of `nodes` that can be reached and is to have it."""
    allowed = frozenset(nodes)
    return [
        _item(file, node.name, node.files[file.path])
        for node in state.nodes.values()
        for file in files
        if node.name in allowed and file.path in node.files
    ]


def _item(file: NodeFile, node: str, found: str) -> Item:
    if found == file.signature:
        return Keep(Kind.FILE, node, file.path)
    differences = (Difference("content or mode", "as SKP has it", "another"),) if found else ()
    return InstallFile(node, file, differences)
