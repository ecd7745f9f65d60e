"""Pure: the files that nodes have on their own disks: how to look, what to write."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from cluster.model.spec import NodeFile
from cluster.model.state import State
from cluster.model.step import Action, Difference, Kind, Step

_WANTED, _MODE, _SUM = "file:", "mode:", "sum:"
_FIELDS = {_WANTED: 0, _MODE: 2, _SUM: 1}  # how many stand before the path


def question(files: Iterable[NodeFile]) -> str:
    """Return a shell command that prints what the node has of the files that are wanted there.

    Two programs for all files: on small machines, starting them is what a look costs.
    """
    listed = (
        f"[ ! -d {shlex.quote(file.where or '/')} ] || "
        f'set -- "$@" {shlex.quote(file.link or file.path)}'
        for file in files
    )
    asked = (
        f"""[ $# -eq 0 ] || {{ printf '{_WANTED} %s\\n' "$@"; """
        f"""stat -Lc '{_MODE} %a %u %n' -- "$@"; """
        f"""sha256sum -- "$@" | sed 's/^/{_SUM} /'; }} 2>/dev/null"""
    )
    return "\n".join(["set --", *listed, asked])


def answer(text: str, files: Iterable[NodeFile]) -> Mapping[str, str]:
    """Return the signatures by path from what the question's command printed."""
    found: dict[str, dict[str, str]] = {mark: {} for mark in _FIELDS}
    for line in text.splitlines():
        mark, _, rest = line.partition(" ")
        if mark in _FIELDS:
            *values, path = rest.split(None, _FIELDS[mark])
            found[mark][path] = " ".join(values)
    return {
        file.path: " ".join(filter(None, (found[_MODE].get(seen), found[_SUM].get(seen))))
        for file in files
        if (seen := file.link or file.path) in found[_WANTED]
    }


def plan_files(files: Iterable[NodeFile], state: State, nodes: Iterable[str]) -> list[Step]:
    """Return a step for each file on each of `nodes` that can be reached and is to have it."""
    allowed = frozenset(nodes)
    return [
        _step(file, node.name, node.files[file.path])
        for node in state.nodes.values()
        for file in files
        if node.name in allowed and file.path in node.files
    ]


def _step(file: NodeFile, node: str, found: str) -> Step:
    if found == file.signature:
        return Step(Kind.FILE, Action.KEEP, node, file.path, file=file)
    differences = (Difference("content or mode", "as SKP has it", "another"),) if found else ()
    return Step(Kind.FILE, Action.INSTALL, node, file.path, differences=differences, file=file)
