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
    f'text=$($first od -An -v -tx1 -N {_BYTES} -- "$1" 2>/dev/null) || '
    f'return 1; echo "{_MARK}$1:" $text; }}; '
    f'notes() {{ for each; do note "$each" || echo "{_UNREAD}$each"; done; }}'
)
_LIMIT = f"timeout -s KILL {_SECONDS}"


def probe_script(paths: Sequence[str], shared: Sequence[str]) -> str:
    """Return a shell command that prints a line for each file that is there, read or not.

    It starts few programs: on small machines, starting them takes most of the time.

    Args:
        shared: the paths of shared folders, below which even a look may never end: what lies there
            has one limit together, and is unread when that has passed.
    """
    script = [_FUNCTION]
    for top in shared:
        if within := [path for path in paths if path.startswith(f"{top}/")]:
            told = shlex.join(within)
            # (Of what was told before the limit, the line that it is unread counts.)
            late = f"printf '{_UNREAD}%s\\n' {told}"
            body = shlex.quote(f'first=; {_FUNCTION}; notes "$@"')
            script.append(f"{_LIMIT} sh -c {body} sh {told} || {late}")
    own = [path for path in paths if not path.startswith(tuple(f"{top}/" for top in shared))]
    if own:
        script.append(f"first='{_LIMIT}'; notes {shlex.join(own)}")
    return "\n".join(script)


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
