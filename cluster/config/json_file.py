"""Reading JSON that people write: each error has its line, and a repeated key is an error."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeAlias

from cluster.errors import ConfigError

_DEPTH = 20  # far more than any file of ours has
_OTHER_QUOTES = ("'", "\u2018", "\u2019", "\u201c", "\u201d")  # as word processors write them
Location: TypeAlias = tuple[str | int, ...]


class JsonFile:
    """A parsed JSON file that remembers on which line each value stands.

    Attributes:
        path: the file, as it is named in messages.
        value: what the file holds.
    """

    def __init__(self, path: Path) -> None:
        """Read `path`; raises ConfigError when it can't be read, decoded or parsed."""
        self.path = path
        self._lines: dict[Location, int] = {}
        self._text = self._read()
        if not self._text.strip():
            raise ConfigError(
                f"{path}:1: not JSON: the file is empty",
                "Take it from a copy, or write it anew: docs/guide.md shows one.",
            )
        self._decoder = json.JSONDecoder()
        end = 0
        try:
            self.value, end = self._parse(self._skip(0), ())
            if self._skip(end) != len(self._text):
                raise json.JSONDecodeError("something follows after the end", self._text, end)
        except json.JSONDecodeError as error:
            raise ConfigError(
                f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno})",
                self._advice(error.pos),
            ) from None

    def line(self, location: Location) -> int:
        """Return the line (from 1) of the value at `location`, or of the nearest parent."""
        while location not in self._lines and location:
            location = location[:-1]
        return self._lines.get(location, 1)

    def error(self, location: Location, what: str, hint: str = "") -> ConfigError:
        """Return an error that points at the value at `location`."""
        where = ".".join(_shown(part) for part in location)
        return ConfigError(
            f"{self.path}:{self.line(location)}: {where + ': ' if where else ''}{what}", hint
        )

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise ConfigError(
                f"{self.path}: there is no such file",
                "SKP_HOSTS names the inventory, in bin/env.sh or in your environment.",
            ) from None
        except IsADirectoryError:
            raise ConfigError(
                f"{self.path}: a folder; a file is needed",
                "SKP_HOSTS names the inventory, in bin/env.sh or in your environment.",
            ) from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ConfigError(f"{self.path}:{line}: not UTF-8", "Save the file as UTF-8.") from None
        except OSError as error:
            raise ConfigError(
                f"{self.path}: can't be read: {error.strerror}", f"ls -l {self.path}"
            ) from None

    def _advice(self, at: int) -> str:
        """Return advice on the most frequent mistakes for the text at `at`."""
        if self._text.startswith(("//", "/*", "#"), at):
            return "JSON has no comments: take this one out."
        if self._text[at : at + 1] in ("}", "]") and self._text[:at].rstrip().endswith(","):
            return "There is a comma too many before it."
        if self._text.startswith(_OTHER_QUOTES, at):
            return 'Texts stand in plain double quotes: "c01".'
        if self._text.startswith(("[", "{"), at):
            return "A bracket too many?"
        return "Look at this line and the one before it: a comma or a quote too many or too few?"

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in " \t\r\n":
            at += 1
        return at

    def _parse(self, at: int, location: Location) -> tuple[Any, int]:
        self._lines[location] = self._text.count("\n", 0, at) + 1
        if len(location) > _DEPTH:
            raise json.JSONDecodeError(f"more than {_DEPTH} brackets deep", self._text, at)
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._object(at + 1, location)
        if opening == "[":
            return self._array(at + 1, location)
        return self._scalar(at)

    def _scalar(self, at: int) -> tuple[Any, int]:
        try:
            value, end = self._decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            if error.pos == at and not self._text.startswith('"', at):
                raise json.JSONDecodeError("a value is expected", self._text, at) from None
            raise
        except ValueError:  # an integer longer than Python takes
            raise json.JSONDecodeError("a number too long", self._text, at) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise json.JSONDecodeError("a number too large, or none", self._text, at)
        return value, end

    def _object(self, at: int, location: Location) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        at = self._skip(at)
        if self._text[at : at + 1] == "}":
            return result, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise json.JSONDecodeError('a key in "quotes" is expected', self._text, at)
            key, end = self._scalar(at)
            if key in result:
                line = self._text.count("\n", 0, at) + 1
                raise ConfigError(
                    f'{self.path}:{line}: "{key}" stands here for the second time',
                    f"It is first on line {self.line((*location, key))}; keep one of them.",
                )
            at = self._expect(self._skip(end), ":")
            result[key], at = self._parse(self._skip(at), (*location, key))
            at = self._skip(at)
            if self._text[at : at + 1] == "}":
                return result, at + 1
            at = self._skip(self._expect(at, ",", "}"))

    def _array(self, at: int, location: Location) -> tuple[list[Any], int]:
        result: list[Any] = []
        at = self._skip(at)
        if self._text[at : at + 1] == "]":
            return result, at + 1
        while True:
            value, at = self._parse(at, (*location, len(result)))
            result.append(value)
            at = self._skip(at)
            if self._text[at : at + 1] == "]":
                return result, at + 1
            at = self._skip(self._expect(at, ",", "]"))

    def _expect(self, at: int, *allowed: str) -> int:
        if self._text[at : at + 1] != allowed[0]:
            wanted = " or ".join(repr(character) for character in allowed)
            raise json.JSONDecodeError(f"{wanted} is expected", self._text, at)
        return at + 1


def _shown(part: str | int) -> str:
    text = str(part)
    return text if text.isprintable() else json.dumps(text)
