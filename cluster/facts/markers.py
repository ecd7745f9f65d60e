"""The beginnings of small files on a node: the script that prints them, and its parser. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

_MARK, _UNREAD = "note:", "unread:"
_BYTES = 4096
_SECONDS = 2
# Whoever may write there may have put anything there: a FIFO, a link, an endless file. A file that
# is not there is no error; all else that can't be read as a plain file is.
_FUNCTION = (
    'seen() { [ ! -d "${1%/*}" ] || [ -x "${1%/*}" ]; }; '
    'note() { [ -e "$1" ] || [ -L "$1" ] || { seen "$1"; return; }; '
    '[ -f "$1" ] && [ ! -L "$1" ] || return 1; '
    f'text=$(timeout -s KILL {_SECONDS} od -An -v -tx1 -N {_BYTES} -- "$1" 2>/dev/null) || '
    f'return 1; echo "{_MARK}$1:" $text; }}'
)


def probe_script(paths: Sequence[str], shared: Sequence[str]) -> str:
    """Return a shell command that prints a line for each file that is there, read or not.

    Args:
        shared: the paths of shared folders, below which even a look may never end.
    """
    body = shlex.quote(_FUNCTION + '; note "$1"')
    apart = f"timeout -s KILL {_SECONDS} sh -c {body} sh"
    folders = tuple(f"{path}/" for path in shared)
    calls = [apart if path.startswith(folders) else "note" for path in paths]
    looks = (
        f"{call} {path} || echo {_UNREAD}{path}"
        for call, path in zip(calls, map(shlex.quote, paths), strict=True)
    )
    return "\n".join([_FUNCTION, *looks])


def parse_probe(text: str) -> Mapping[str, str]:
    """Return the beginnings by path from what the script printed."""
    lines = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    pairs = (line.rpartition(":") for line in lines)
    return {path: _decoded(digits) for path, _, digits in pairs if _is_whole(digits)}


def unread(text: str) -> frozenset[str]:
    """Return the paths of the files that are there, or may be, and could not be read."""
    lines = [line.partition(":") for line in text.splitlines()]
    told = {path for word, _, path in lines if f"{word}:" == _UNREAD}
    notes = (rest.rpartition(":") for word, _, rest in lines if f"{word}:" == _MARK)
    return frozenset(told | {path for path, _, digits in notes if not _is_whole(digits)})


def _is_whole(digits: str) -> bool:
    try:
        bytes.fromhex(digits)
    except ValueError:
        return False
    return True


def _decoded(digits: str) -> str:
    return bytes.fromhex(digits).decode(errors="replace")
