"""Files that a file of a deployment names: never outside of its folder, never by way of a link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path, PurePosixPath

from cluster.errors import ConfigError

_MOST = 1 << 20  # bytes of one file
_IS_LINK = (errno.ELOOP, errno.ENOTDIR)


def text_of(folder: Path, name: str, place: str) -> str:
    """Return the text of the file `name` below `folder`.

    Args:
        folder: it may be reached by links; what is below it may not.
        place: where the name is said, for messages.

    Raises:
        ConfigError: the name leads out of the folder or over a link, there is no such file, it is
            no plain one, too large, empty, or not UTF-8.
    """
    content = content_of(folder, name, place)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{folder / name}:{line}: not UTF-8", "Save it as UTF-8.") from None


def content_of(folder: Path, name: str, place: str) -> bytes:
    """Return what is in the file `name` below `folder`, which is named as `text_of` has it.

    Raises:
        ConfigError: as `text_of` does, whatever the file's text.
    """
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
        hint = "Name a file below it, without .. in its path."
        raise ConfigError(f"{place}: {name!r} is not inside the folder {folder}", hint)
    with contextlib.ExitStack() as opened:
        at = _opened(opened, os.fspath(folder), os.O_DIRECTORY, None, place)
        for part in parts[:-1]:
            at = _opened(opened, part, os.O_DIRECTORY | os.O_NOFOLLOW, at, place)
        # (A named pipe would keep its reader waiting.)
        file = _opened(opened, parts[-1], os.O_NOFOLLOW | os.O_NONBLOCK, at, place)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{place}: {name} is not a plain file")
        if found.st_size > _MOST:
            raise ConfigError(f"{place}: {name} has more than {_MOST >> 20} MB")
        return os.read(file, _MOST)


def _opened(
    stack: contextlib.ExitStack, name: str, flags: int, folder: int | None, place: str
) -> int:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError as error:
        why = "a link, which is not followed" if error.errno in _IS_LINK else error.strerror
        raise ConfigError(f"{place}: {name}: {why}", "Name a plain file that is there.") from None
    except ValueError:  # (A name with a NUL, or of no characters.)
        raise ConfigError(f"{place}: {name!a} is no name of a file") from None
    stack.callback(os.close, descriptor)
    return descriptor
