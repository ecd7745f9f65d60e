"""What an image is built from: a folder with a Dockerfile, or a preset and the files beside it."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from cluster.config.json_file import JsonFile
from cluster.config.yaml_file import YamlFile
from cluster.errors import ConfigError
from workloads import presets
from workloads.readers.inside import text_of

_DOCKERFILES = ("Dockerfile", "Containerfile")
_PRESETS = ("build.yaml", "build.yml", "deployment.yaml", "deployment.yml")
_LEFT_OUT = ".git"
_MOST_FILES = 100_000


@dataclass(frozen=True)
class Folder:
    """A folder that an image is built from.

    Attributes:
        path: the folder. named: the file that says how, for messages.
        text: the Dockerfile's. warnings: what was read and means nothing here.
    """

    path: Path
    named: str
    text: str
    warnings: tuple[str, ...] = ()

    def pack(self, into: IO[bytes], most: int) -> str:
        """Write a tar of the Dockerfile and the folder `context`; return the digest of that.

        It is the same for the same files.

        Args:
            most: how many bytes its files may have.

        Raises:
            ConfigError: there is more, or something that is no plain file, folder or link.
        """
        packed, left = _Hashed(into), most
        with tarfile.open(fileobj=cast(Any, packed), mode="w|") as archive:
            text = self.text.encode()
            first = tarfile.TarInfo("Dockerfile")
            first.size, first.mode = len(text), 0o644
            archive.addfile(first, io.BytesIO(text))
            for entry, path in self._entries():
                left -= entry.size
                if left < 0:
                    hint = "BUILD_FOLDER says how much it may be."
                    raise ConfigError(f"{self.path}: it has more than {most >> 20} MB", hint)
                if entry.isreg():
                    with _opened(path) as file:
                        archive.addfile(entry, file)
                else:
                    archive.addfile(entry)
        return packed.digest

    def _entries(self) -> Iterator[tuple[tarfile.TarInfo, Path]]:
        for number, path in enumerate(_walked(self.path)):
            if number > _MOST_FILES:
                raise ConfigError(f"{self.path}: it has more than {_MOST_FILES} files")
            found = path.lstat()
            entry = tarfile.TarInfo(f"context/{path.relative_to(self.path)}")
            entry.mode = 0o755 if found.st_mode & 0o111 else 0o644
            if stat.S_ISREG(found.st_mode):
                entry.size = found.st_size
            elif stat.S_ISDIR(found.st_mode):
                entry.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(found.st_mode):
                entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
            else:
                raise ConfigError(f"{path}: neither a plain file, nor a folder, nor a link")
            yield entry, path


class _Hashed:
    """A file that is written, and the sum of what is written."""

    def __init__(self, into: IO[bytes]) -> None:
        self._into, self._sum = into, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._sum.update(data)
        return self._into.write(data)

    @property
    def digest(self) -> str:
        """Of all that was written."""
        return self._sum.hexdigest()


def read(path: Path) -> Folder:
    """Return what a folder, or a file of a preset, says.

    Raises:
        ConfigError, ConfigErrors: there is none, or it is wrong.
    """
    if path.is_dir():
        for name in (*_DOCKERFILES, *_PRESETS):
            if (path / name).is_file():
                return _of(path, name)
        looked = ", ".join((*_DOCKERFILES, *_PRESETS))
        raise ConfigError(f"{path}: nothing says how to build an image", f"Looked for: {looked}.")
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file", "A folder with a Dockerfile, or one.")
    return _of(path.parent, path.name)


def _of(folder: Path, name: str) -> Folder:
    text, file = text_of(folder, name, str(folder)), folder / name
    if not text.strip():
        raise ConfigError(f"{file}:1: the file is empty", "docs/building.md shows what it says.")
    if file.suffix not in (".yaml", ".yml", ".json"):
        return Folder(folder, str(file), text)
    preset = presets.read(JsonFile(file, text) if file.suffix == ".json" else YamlFile(file, text))
    return Folder(folder, str(file), preset.text, preset.warnings)


def _walked(top: Path) -> Iterator[Path]:
    """Yield what is below a folder, in the same order everywhere."""
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name != _LEFT_OUT)
        for name in sorted((*folders, *files)):
            yield Path(folder, name)


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
