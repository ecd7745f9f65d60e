"""A file of values that a person writes, in JSON or YAML: each value has its line in messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from cluster.errors import ConfigError

DEPTH = 20  # far more than any file of ours has
Location: TypeAlias = tuple[str | int, ...]


class Document:
    """What a file holds, and on which line each value stands.

    Attributes:
        path: the file, as it is named in messages.
        value: what the file holds: what JSON can say.
    """

    value: Any

    def __init__(self, path: Path) -> None:
        """Begin with nothing; whoever parses fills in the lines (from 1) by location."""
        self.path = path
        self._lines: dict[Location, int] = {}

    def line(self, location: Location) -> int:
        """Return the line (from 1) of the value at `location`, or of the nearest parent."""
        while location not in self._lines and location:
            location = location[:-1]
        return self._lines.get(location, 1)

    def place(self, location: Location) -> str:
        """Return where the value stands and what it is called: "etc/hosts.json:3: c01.ipv4"."""
        where = ".".join(_shown(part) for part in location)
        return f"{self.path}:{self.line(location)}{': ' if where else ''}{where}"

    def error(self, location: Location, what: str, hint: str = "") -> ConfigError:
        """Return an error that points at the value at `location`."""
        return ConfigError(f"{self.place(location)}: {what}", hint)


def read_text(path: Path, named: str) -> str:
    """Return the text of a file, without a byte order mark.

    Args:
        named: where its name comes from, for the error when there is no such file.

    Raises:
        ConfigError: it can't be read, is not UTF-8, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file", named) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a folder; a file is needed", named) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8", "Save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}", f"ls -l {path}") from None
    if not text.strip():
        raise ConfigError(
            f"{path}:1: the file is empty, which is neither JSON nor YAML",
            "Take it from a copy, or write it anew: docs/guide.md shows one.",
        )
    return text


def _shown(part: str | int) -> str:
    text = str(part)
    return text if text.isprintable() else json.dumps(text)
