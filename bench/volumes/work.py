"""What is timed on each mount, by one process on the node and one in the consumer.

Both run it as it stands, with Debian's Python, and start nothing while it measures. What it reads,
the other client has written: neither mount has it in a cache.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

LARGE, BLOCK = 128, 1 << 20  # blocks, bytes
SMALL, SIZE = 200, 200  # files, bytes
NAMES = 1000
SECONDS = 120  # until what another client has written is seen


def write_large(folder: Path) -> None:
    """Write a file and have it on the server's, or on Blob's cache's, disk."""
    block = os.urandom(BLOCK)
    with (folder / "large").open("wb") as file:
        for _ in range(LARGE):
            file.write(block)
        os.fsync(file.fileno())


def read_large(folder: Path) -> None:
    """Read a file from its beginning to its end."""
    with (folder / "large").open("rb", buffering=0) as file:
        while file.read(BLOCK):
            pass


def write_small(folder: Path) -> None:
    """Write files one after another."""
    content = os.urandom(SIZE)
    for number in range(SMALL):
        (folder / f"small-{number}").write_bytes(content)


def read_small(folder: Path) -> None:
    """Read files one after another."""
    for number in range(SMALL):
        (folder / f"small-{number}").read_bytes()


def ask(folder: Path) -> None:
    """Ask for names that nobody has asked for, and that are not there."""
    for number in range(NAMES):
        (folder / f"none-{number}").exists()


def make(folder: Path) -> None:
    """Make the folder of a round."""
    folder.mkdir(parents=True)


def wait(folder: Path) -> None:
    """Wait until all that another client has written is seen, whole."""
    end = time.monotonic() + SECONDS
    sizes = {"large": LARGE * BLOCK} | {f"small-{number}": SIZE for number in range(SMALL)}
    while sizes != _sizes(folder):
        if time.monotonic() > end:
            sys.exit(f"{folder}: not all is there after {SECONDS} s")
        time.sleep(0.2)


def _sizes(folder: Path) -> dict[str, int]:
    try:
        return {entry.name: entry.stat().st_size for entry in os.scandir(folder)}
    except FileNotFoundError:
        return {}


VERBS: dict[str, Callable[[Path], None]] = {
    verb.__name__: verb
    for verb in (make, write_large, write_small, wait, read_large, read_small, ask)
}


def main() -> None:
    """Carry out what comes in, a verb and a folder a line, and print the seconds of each."""
    for line in sys.stdin:
        verb, folder = line.split()
        os.sync()  # so that the disk is not still busy with what was written before
        begun = time.perf_counter()
        VERBS[verb](Path(folder))
        print(f"{time.perf_counter() - begun:.6f}", flush=True)


if __name__ == "__main__":
    main()
