"""The program of git's container, as that has it: its modules, and a repository to read from."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

PROGRAM = Path(__file__).parent.parent.parent / "images" / "docker-git"


def module(name: str) -> ModuleType:
    """Return a module of the program; what is there is in the image, so nothing is written."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(PROGRAM))
    try:
        return importlib.import_module(f"receive.{name}")
    finally:
        sys.path.remove(str(PROGRAM))
        sys.dont_write_bytecode = before


class Repository:
    """A repository of git's, for what is read from its objects."""

    def __init__(self, folder: Path) -> None:
        """Make it in a folder that is there."""
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        """Run git there, which has to succeed."""
        who = ("-c", "user.name=kim", "-c", "user.email=kim@example.com")
        done = subprocess.run(
            ["git", *who, *words], cwd=self.folder, capture_output=True, text=True,
            timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, content: str) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def commit(self) -> str:
        """Commit all that is there, and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")
