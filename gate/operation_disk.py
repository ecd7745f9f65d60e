"""An operation's files on the gate's disk: written as a whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

from cluster.config import whole_file
from gate.operation import Operation, parsed

OPERATION, FILES = "operation.json", "files.tar"


def keep_new(folder: Path, made: Operation, archive: bytes) -> None:
    """Write a new operation: its folder gets its name when all of it is there; raises OSError."""
    new = folder / f".{made.id}"
    try:
        new.mkdir(mode=0o750, parents=True)
        if archive:
            with (new / FILES).open("wb") as file:
                file.write(archive)
                file.flush()
                os.fsync(file.fileno())
        write(new, made)
        new.rename(folder / made.id)
        for each in (folder, folder.parent, folder.parent.parent):
            _sync(each)
    except OSError:
        # (Else what nobody is told of would be carried out after the next start.)
        for each in (new, folder / made.id):
            shutil.rmtree(each, ignore_errors=True)
        raise


def write(folder: Path, now: Operation) -> None:
    """Write what an operation is, and how far; raises OSError."""
    text = json.dumps(asdict(now))
    whole_file.write(folder / OPERATION, folder / f"{OPERATION}.new", text, 0o640)
    _sync(folder)


def kept(folder: Path) -> Operation:
    """Return what is written of an operation; raises OSError, ValueError."""
    return parsed(json.loads((folder / OPERATION).read_text()))


def read_from(path: Path, at: int) -> bytes:
    """Return bytes of a log from a place on, not all at once; b"" where no more are there."""
    try:
        with path.open("rb") as log:
            log.seek(at)
            return log.read(1 << 16)
    except FileNotFoundError:
        return b""


def _sync(folder: Path) -> None:
    """Have the disk have the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
