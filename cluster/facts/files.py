"""The files that nodes are to have on their own disks: how to look at them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from cluster.model.spec import NodeFile

_WANTED, _MODE, _SUM = "file:", "mode:", "sum:"
_FIELDS = {_WANTED: 0, _MODE: 2, _SUM: 1}  # how many stand before the path


def probe_script(files: Iterable[NodeFile]) -> str:
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


def parse_probe(text: str, files: Iterable[NodeFile]) -> Mapping[str, str]:
    """Return the signatures by path from what the script printed."""
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
