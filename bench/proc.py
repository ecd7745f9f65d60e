"""What the kernel says of the machine, in files of lines KEY: VALUE."""

from __future__ import annotations

from pathlib import Path


def value(path: str, key: str) -> str:
    """Return the first value of a key in such a file; "unknown" where it has none."""
    for line in Path(path).read_text().splitlines():
        name, _, found = line.partition(":")
        if name.strip() == key:
            return found.strip()
    return "unknown"
