"""The files of a commit that say what is deployed: read from git's objects, never checked out."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass

from receive.refs import RefusedError

TOP, CHOOSER = "Deployments", "folder.py"
MOST_FILES, MOST_EACH, MOST_ALL = 500, 1 << 20, 8 << 20  # files; bytes of one, and of all
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CHOICE = re.compile(r'\s*FOLDER\s*=\s*"?([^"#]*?)"?\s*')
_PLAIN, _TREE = ("100644", "100755", "100664"), "040000"
_KINDS = {"120000": "a link", "160000": "a submodule"}


@dataclass(frozen=True)
class Entry:
    """An entry of a tree, as `git ls-tree -l -z` says it."""

    mode: str
    id: str
    size: int
    path: str


def entries(text: bytes) -> list[Entry]:
    """Return what git listed; raises RefusedError for a path that is no text."""
    found = []
    for line in text.split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, identity, size = head.decode().split()
            try:
                name = path.decode()
            except UnicodeDecodeError:
                raise RefusedError(f"{path!r}: not UTF-8") from None
            if not name.isprintable():
                raise RefusedError(f"{name!a}: a path has printable characters alone")
            found.append(Entry(mode, identity, int(size) if size.isdigit() else 0, name))
    return found


def choice(text: str) -> str:
    """Return the folder that folder.py chooses.

    Raises:
        RefusedError: it chooses none, or what is no folder below Deployments/.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if (found := _CHOICE.fullmatch(line)) and found[1]:
            if not _FOLDER.fullmatch(found[1]):
                what = f"{CHOOSER}:{number}: FOLDER: {found[1]!a} is no folder below {TOP}/"
                raise RefusedError(what)
            return found[1]
    raise RefusedError(f'{CHOOSER}: no line FOLDER="NAME"')


def trees(found: Iterable[Entry], chosen: str) -> dict[str, str]:
    """Return the folders below Deployments/ by name, each with its tree.

    Args:
        found: what is in Deployments/. chosen: the one that counts; "" for all.

    Raises:
        RefusedError: one is a link or a submodule, or the chosen one is not there.
    """
    result = {}
    for each in found:
        if chosen and each.path != chosen:
            continue
        if each.mode in _KINDS:
            raise RefusedError(f"{TOP}/{each.path}: {_KINDS[each.mode]} is not followed")
        if each.mode == _TREE:
            if not _FOLDER.fullmatch(each.path):
                raise RefusedError(f"{TOP}/{each.path!a}: no name of a folder that is deployed")
            result[each.path] = each.id
    if chosen and chosen not in result:
        raise RefusedError(f"{CHOOSER}: there is no folder {TOP}/{chosen}")
    return result


def checked(found: Iterable[Entry]) -> list[Entry]:
    """Return the files, if all are plain ones, and neither too many nor too large.

    Raises:
        RefusedError: they are not.
    """
    result, total = list[Entry](), 0
    for each in found:
        if each.mode not in _PLAIN:
            raise RefusedError(f"{each.path}: {_KINDS.get(each.mode, 'it')} is not followed")
        if {"", ".", ".."} & set(each.path.split("/")):
            raise RefusedError(f"{each.path!a}: no path of a file")
        total += each.size
        if each.size > MOST_EACH or total > MOST_ALL or len(result) >= MOST_FILES:
            limits = f"{MOST_FILES} files, {MOST_EACH >> 20} MB each, {MOST_ALL >> 20} MB in all"
            raise RefusedError(f"{each.path}: too much below {TOP}/; allowed: {limits}")
        result.append(each)
    return result


class Commit:
    """A commit in git's objects, those of the push among them."""

    def __init__(self, identity: str) -> None:
        """Read this commit."""
        self.identity = identity

    def trees(self) -> dict[str, str]:
        """Return the folders that are deployed, each with its tree; raises RefusedError."""
        top = self._listed(":(literal)" + CHOOSER)
        chosen = ""
        for each in top:
            if each.mode not in _PLAIN or each.size > MOST_EACH:
                raise RefusedError(f"{CHOOSER}: it is no plain file")
            chosen = choice(_git("cat-file", "blob", each.id).decode(errors="replace"))
        (below,) = self._listed(":(literal)" + TOP) or (None,)
        if below is None:
            return {}
        if below.mode != _TREE:
            raise RefusedError(f"{TOP}: {_KINDS.get(below.mode, 'it')} is no folder")
        return trees(entries(_git("ls-tree", "-l", "-z", below.id)), chosen)

    def archive(self, folders: dict[str, str]) -> bytes:
        """Return a tar of the files of folders; raises RefusedError."""
        found = list[Entry]()
        for name, tree in folders.items():
            for each in entries(_git("ls-tree", "-r", "-l", "-z", tree)):
                found.append(Entry(each.mode, each.id, each.size, f"{TOP}/{name}/{each.path}"))
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for each in checked(found):
                member = tarfile.TarInfo(each.path)
                content = _git("cat-file", "blob", each.id)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    def _listed(self, path: str) -> list[Entry]:
        return entries(_git("ls-tree", "-l", "-z", "--full-tree", self.identity, "--", path))


def is_ancestor(old: str, new: str) -> bool:
    """Whether one commit is among those that another comes from."""
    words = ["git", "merge-base", "--is-ancestor", old, new]
    return subprocess.run(words, check=False, stdin=subprocess.DEVNULL).returncode == 0


def now(name: str) -> str:
    """Return the commit of a reference; "" where there is none."""
    words = ["git", "rev-parse", "--verify", "--quiet", name]
    done = subprocess.run(words, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.decode().strip()


def head() -> str:
    """Return the branch that is deployed, as refs/heads/NAME."""
    return _git("symbolic-ref", "HEAD").decode().strip()


def _git(*words: str) -> bytes:
    done = subprocess.run(
        ["git", *words], capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise RefusedError(f"git {words[0]}: {said[:200]}")
    return done.stdout
