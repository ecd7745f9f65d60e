"""The shared folders as they are, and who the SSH user is: scripts, and their parsers. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from cluster.model.answer import Unanswered
from cluster.model.layout import LEFT, Folder, Move
from cluster.model.state import Login, Trees

_FOLDER, _LEFT, _SILENT, _LOGIN = "folder:", "left:", "folders-silent:", "login:"
_REMAINS = "remains:"
_SECONDS = 5
_LINE = re.compile(r"([0-9]+:[0-9]+ [0-7]+ [a-z ]+):(/.*)")


def login_script() -> str:
    """Return a shell command that prints the SSH user's id and groups, as files say them now."""
    return f'me=$(id -un) && echo "{_LOGIN}$(id -u) $(id -G "$me")"'


def parse_login(text: str) -> Login:
    """Return who the SSH user is from what the script printed; user id 0 where it is not told."""
    for line in text.splitlines():
        words = line.removeprefix(_LOGIN).split()
        if line.startswith(_LOGIN) and words and all(word.isdigit() for word in words):
            uid, *groups = map(int, words)
            return Login(uid, frozenset(groups))
    return Login()


def probe_script(
    folders: Sequence[Folder], moves: Sequence[Move], remains: Sequence[str] = ()
) -> str:
    """Return a shell command that prints owner, mode and kind of folders, and what is still there.

    That are the old places in use of `moves`, and those of the files `remains`.
    """
    paths = shlex.join(folder.path for folder in folders)
    look = f"stat -c '{_FOLDER}%u:%g %a %F:%n' -- {paths} 2>/dev/null"
    for move in moves:
        old, mark = shlex.quote(move.old), shlex.quote(f"{move.old}/{LEFT}")
        whose = f"$(stat -c %u -- {old} {mark} 2>/dev/null | tr -d '\\n')"
        look += f"; [ ! -e {old} ] || [ \"{whose}\" = 00 ] || printf '{_LEFT}%s\\n' {old}"
    for path in map(shlex.quote, remains):
        look += f"; [ ! -e {path} ] || printf '{_REMAINS}%s\\n' {path}"
    # The file server may be gone; stat says with 1 that one of many is missing.
    return f"timeout -s KILL {_SECONDS} sh -c {shlex.quote(f'{look}; true')} || echo {_SILENT}"


def parse_probe(text: str) -> Trees | Unanswered:
    """Return the folders from what the script printed."""
    lines = text.splitlines()
    if _SILENT in lines:
        return Unanswered(f"the shared folders did not answer within {_SECONDS} s")
    found = [
        _LINE.fullmatch(line.removeprefix(_FOLDER)) for line in lines if line.startswith(_FOLDER)
    ]
    return Trees(
        {match[2]: match[1] for match in found if match},
        _after(_LEFT, lines),
        _after(_REMAINS, lines),
    )


def _after(mark: str, lines: Sequence[str]) -> frozenset[str]:
    return frozenset(line.removeprefix(mark) for line in lines if line.startswith(mark))
