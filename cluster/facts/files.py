"""The files that nodes are to have on their own disks: the script that probes them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from cluster.model.files import NodeFile

_WANTED, _MODE, _SUM = "file:", "mode:", "sum:"
_FIELDS = {_WANTED: 0, _MODE: 2, _SUM: 1}  # how many fields a line has before the path


def probe_script(files: Iterable[NodeFile]) -> str:
    """Return a shell command that prints mode, owner and SHA-256 of the wanted files.

    It starts the same few programs for any number of files: on small machines, starting them takes
    most of the time.
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
    """Return the signatures from what the script printed, by path; "" for a missing file."""
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
