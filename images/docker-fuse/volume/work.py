"""How much a client works: one that is busy with a large file may answer late."""

from __future__ import annotations

from pathlib import Path

import client

_PROC = Path("/proc")
_LEAST = 100_000  # bytes from one question to the next; who waits for a server moves next to none


class Work:
    """What a group of processes does, from one question to the next."""

    def __init__(self, group: int) -> None:
        self._group, self._moved = group, 0

    def goes_on(self) -> bool:
        """Whether they have moved data since this was asked last."""
        before, self._moved = self._moved, moved(self._group)
        return self._moved - before > _LEAST


def moved(group: int) -> int:
    """Return how many bytes the processes of a group have read and written (proc(5), io).

    Sockets are in it for ssh and rclone; of s3fs, what it reads of the file that it sends.
    """
    found = [folder for folder in _PROC.glob("[0-9]*") if _group(folder) == group]
    with client.acting():
        return sum(_moved(folder) for folder in found)


def _moved(folder: Path) -> int:
    try:
        lines = (folder / "io").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0  # it ended
    values = dict(line.split(": ") for line in lines)
    return int(values["rchar"]) + int(values["wchar"])


def _group(folder: Path) -> int:
    try:
        text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[2])
