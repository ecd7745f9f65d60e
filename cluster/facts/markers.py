"""The beginnings of small files on a node: the script that prints them, and its parser. Pure."""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Iterable, Mapping

_MARK = "note:"
_BYTES = 4096


def probe_script(paths: Iterable[str]) -> str:
    """Return a shell command that prints a line for each file that is there and can be read."""
    return "\n".join(
        f"[ ! -r {path} ] || echo {_MARK}{path}:$(head -c {_BYTES} -- {path} | base64 -w 0)"
        for path in map(shlex.quote, paths)
    )


def parse_probe(text: str) -> Mapping[str, str]:
    """Return the beginnings by path from what the script printed."""
    lines = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    return {path: _decoded(text) for path, _, text in (line.rpartition(":") for line in lines)}


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode(errors="replace")
    except binascii.Error:
        return ""
