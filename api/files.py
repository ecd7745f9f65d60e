"""The files of a deployment, from texts or from an archive: plain ones in one folder. Pure."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from api.problems import ProblemError, wrong
from gate.spool import MOST, MOST_EACH, TOP

MOST_BYTES = 16 << 20
"""Of a request's body, and of the archive that the gate is given."""
_LONGEST = 200  # characters of a path


def of_texts(files: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of texts by their paths; raises ProblemError."""
    return _checked((path, text.encode(errors="surrogatepass")) for path, text in files.items())


def of_archive(data: bytes) -> dict[str, bytes]:
    """Return the files of a tar archive of a folder.

    Raises:
        ProblemError: it is none, or has anything but plain files.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            return _checked(_members(tar))
    # (Headers of long names that follow one another are read one within the other.)
    except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
        raise wrong(f"the archive can't be read: {error}") from None


def archive(folder: str, files: Mapping[str, bytes]) -> bytes:
    """Return the archive that the gate is given, with all files in Deployments/FOLDER.

    Raises:
        ProblemError: it is too large.
    """
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{TOP}/{folder}/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    if found.tell() > MOST_BYTES:
        raise too_large()
    return found.getvalue()


def too_large() -> ProblemError:
    """Return the answer to what is too much."""
    limits = f"{MOST} files, {MOST_EACH >> 20} MB each, {MOST_BYTES >> 20} MB in all"
    return ProblemError(413, "the files are too large", f"Allowed: {limits}.")


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for number, member in enumerate(tar):
        path = member.name.removeprefix("./")
        if number > 4 * MOST:
            raise too_large()
        if member.isdir():
            continue
        if not member.isreg() or member.sparse:
            raise wrong(f"{path!a}: it is no plain file")
        if member.size > MOST_EACH:
            raise too_large()
        source = tar.extractfile(member)
        yield path, source.read() if source else b""


def _checked(files: Iterator[tuple[str, bytes]]) -> dict[str, bytes]:
    found = dict[str, bytes]()
    for path, content in files:
        parts = path.split("/")
        is_plain = path.isprintable() and len(path) <= _LONGEST and path.isascii()
        if not is_plain or {"", ".", ".."} & set(parts) or str(PurePosixPath(path)) != path:
            raise wrong(f"{path[:_LONGEST]!a}: no path of a file in the folder")
        if path in found:
            raise wrong(f"{path!a}: it is there twice")
        found[path] = content
        if len(content) > MOST_EACH or len(found) > MOST:
            raise too_large()
    if not found:
        raise wrong("there are no files")
    if clash := [path for path in found if any(str(up) in found for up in _above(path))]:
        raise wrong(f"{clash[0]!a}: a file is where its folder would be")
    return found


def _above(path: str) -> list[PurePosixPath]:
    return list(PurePosixPath(path).parents)[:-1]
