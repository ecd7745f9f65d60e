"""The files that a document shows: blocks whose opening line has a path after the language."""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files(page: Path) -> dict[str, str]:
    """Return the text of each file that `page` shows, by its path in the project."""
    return dict(_BLOCK.findall(page.read_text(encoding="utf-8")))


def write(page: Path, tree: Path) -> list[Path]:
    """Write the files that `page` shows into the checkout `tree`; scripts can be executed."""
    written = []
    for name, text in files(page).items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if text.startswith("#!") else 0o644)
        written.append(path)
    return written
