"""The files of a request on the gate's own disk: plain ones, few, and below one folder."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cluster.errors import ConfigError

MOST, MOST_EACH = 500, 1 << 20
"""How many files there may be, and how many bytes each may have."""
TOP = "Deployments"


def check(archive: bytes) -> set[str]:
    """Return the folders below Deployments/ of an archive; raises ConfigError as `unpacked`."""
    return {PurePosixPath(name).parts[1] for name, _ in _files(archive)}


def unpacked(archive: bytes, folder: Path) -> None:
    """Write the files of an archive below `folder`, which is empty.

    Raises:
        ConfigError: it has anything but plain files below Deployments/, or too much of them.
    """
    try:
        for name, content in _files(archive):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"the files can't be written: {error}") from None


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for number, member in enumerate(tar.getmembers(), 1):
                _check(member, number)
                source = tar.extractfile(member)
                yield member.name, source.read() if source else b""
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ConfigError(f"the files can't be read: {error}") from None


def _check(member: tarfile.TarInfo, number: int) -> None:
    parts = PurePosixPath(member.name).parts
    if number > MOST:
        raise ConfigError(f"there are more than {MOST} files below {TOP}/")
    if not member.isreg() or member.sparse:
        raise ConfigError(f"{member.name!a}: it is no plain file")
    if len(parts) < 3 or parts[0] != TOP or ".." in parts or member.name.startswith("/"):
        raise ConfigError(f"{member.name!a}: it is not in a folder below {TOP}/")
    if member.size > MOST_EACH:
        raise ConfigError(f"{member.name!a}: it has more than {MOST_EACH >> 20} MB")
