"""Files on the shared folder, where others may have put links: they are never followed. Pure.

Whoever runs a notebook may write there. A link in place of a folder or file would have the SSH user
overwrite, or show, a file of his own.
"""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath

LINKED = 43
"""The exit code of the commands when something on the way is no folder or file of its own."""
MISSING = 44
"""The exit code of `reading` when there is no such file, or it is empty."""
_MOST_BYTES = 1 << 16
_SECONDS = 5
_GIVE_UP = f'[ -e "$part" ] || [ -L "$part" ] || exit {MISSING}'
# A folder among the users' is theirs too: of their group, which its parent gives it.
_MAKE = '(umask 002; mkdir -p -- "$part") || exit'


def reading(root: str, path: str) -> str:
    """Return a shell command that prints the file at `path`, below the folder `root`."""
    folder, name = _split(path)
    return (
        f"{_entering(root, folder, _GIVE_UP)}; [ ! -L {name} ] || exit {LINKED}; "
        f"[ -e {name} ] || exit {MISSING}; [ -f {name} ] || exit {LINKED}; "
        f"[ -s {name} ] || exit {MISSING}; "
        f"timeout -s KILL {_SECONDS} head -c {_MOST_BYTES} -- {name}"
    )


def removing(root: str, path: str) -> str:
    """Return a shell command that removes the file at `path`, or a link there, below `root`."""
    folder, name = _split(path)
    return (
        f"{_entering(root, folder, _GIVE_UP)}; "
        f"[ -e {name} ] || [ -L {name} ] || exit {MISSING}; rm -f -- {name}"
    )


def writing(root: str, path: str) -> str:
    """Return a shell command that writes its input to `path`, below the folder `root`.

    The file is there whole or not at all, and all may read it.
    """
    (folder, name), new = _split(path), shlex.quote(f"{PurePosixPath(path).name}.new")
    # A new file, or none: what another puts there meanwhile is neither written to nor given a mode.
    return (
        f"{_entering(root, folder, _MAKE)}; rm -f -- {new}; "
        f"(umask 022; set -C; cat >{new}) && sync {new} && mv -fT {new} {name}"
    )


def _split(path: str) -> tuple[PurePosixPath, str]:
    return PurePosixPath(path).parent, shlex.quote(PurePosixPath(path).name)


def _entering(root: str, folder: PurePosixPath, first: str) -> str:
    """Return a command that goes to `folder` below `root`, part by part; links are not followed.

    What comes after it works in that folder, even if another takes its place meanwhile.
    """
    quoted = shlex.quote(root)
    return (
        f"cd -P {quoted} || exit; for part in {shlex.join(folder.parts)}; do {first}; "
        f'[ ! -L "$part" ] && [ -d "$part" ] && cd -P "$part" || exit {LINKED}; done; '
        f'[ "$(pwd -P)" = "$(cd -P {quoted} && pwd -P)"/{shlex.quote(str(folder))} ] '
        f"|| exit {LINKED}"
    )
