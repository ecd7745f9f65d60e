"""Writing a file whole or not at all, so that nobody ever reads half of it."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, temporary: Path, text: str, mode: int) -> None:
    """Replace the file at `path` atomically.

    Args:
        temporary: where the text is first, in the same folder; what is left there is removed.
        mode: who may read it, from its first byte on.

    Raises:
        OSError: it can't be written.
    """
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
