"""Pure: the files that nodes have on their own disks: how to look, what to write."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from cluster.spec import NodeFile
from cluster.state import State
from cluster.step import Action, Difference, Kind, Step

_MARK = "file:"


def question(files: Iterable[NodeFile]) -> str:
    """Return a shell command that prints a line for each file that is wanted on the node."""
    return "\n".join(_question(file) for file in files)


def _question(file: NodeFile) -> str:
    seen, path = shlex.quote(file.link or file.path), shlex.quote(file.path)
    where = shlex.quote(file.where or "/")
    return (
        f"if [ -d {where} ]; then "
        f"""printf '{_MARK}%s:%s %s\\n' {path} "$(stat -Lc '%a %u' -- {seen} 2>/dev/null)" """
        f'"$(sha256sum -- {seen} 2>/dev/null | cut -c1-64)"; fi'
    )


def answer(text: str) -> Mapping[str, str]:
    """Return the signatures by path from what the question's command printed."""
    lines = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    pairs = [line.partition(":") for line in lines]
    return {path: signature.strip() for path, _, signature in pairs}


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
