"""Writing the translated files: whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cluster.config import whole_file
from cluster.errors import ConfigError


@dataclass(frozen=True)
class Planned:
    """A file that is to be written.

    Attributes:
        shown: its text without secrets. mode: who may read it; it holds passwords where 0600.
    """

    path: Path
    text: str
    shown: str
    mode: int

    @property
    def is_there(self) -> bool:
        """Whether the file holds this already."""
        try:
            return self.path.read_text(encoding="utf-8") == self.text
        except (OSError, UnicodeDecodeError):
            return False

    @property
    def replaces(self) -> bool:
        """Whether another file is there."""
        return os.path.lexists(self.path) and not self.is_there

    def write(self) -> None:
        """Write the file atomically.

        Raises:
            ConfigError: it can't be written.
        """
        temporary = self.path.with_name(f".{self.path.name}.new")
        try:
            whole_file.write(self.path, temporary, self.text, self.mode)
        except OSError as error:
            raise ConfigError(
                f"{self.path}: can't be written: {error.strerror}", f"ls -ld {self.path.parent}"
            ) from None
