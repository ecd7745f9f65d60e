"""Reading JSON that people write: every error with its line, doubled keys noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from cluster.errors import ConfigError

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
            raise ConfigError(f"{path}:1: not JSON: the file is empty")
        self._decoder = json.JSONDecoder()
        end = 0
        try:
            self.value, end = self._parse(self._skip(0), ())
            if self._skip(end) != len(self._text):
                raise json.JSONDecodeError("something follows after the end", self._text, end)
        except json.JSONDecodeError as error:
            raise ConfigError(
                f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno})",
                "Look at this line and the one before it: a comma or a quote too many or too few?",
            ) from None

    def line(self, location: Location) -> int:
        """Return the line (from 1) of the value at `location`, or of the nearest parent."""
        while location not in self._lines and location:
            location = location[:-1]
        return self._lines.get(location, 1)

    def error(self, location: Location, what: str, hint: str = "") -> ConfigError:
        """Return an error that points at the value at `location`."""
        where = ".".join(str(part) for part in location)
        return ConfigError(
            f"{self.path}:{self.line(location)}: {where + ': ' if where else ''}{what}", hint
        )

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise ConfigError(
                f"{self.path}: there is no such file",
                "SKP_HOSTS in bin/env.sh names the inventory.",
            ) from None
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{self.path}: not UTF-8 (byte {error.start})", "Save the file as UTF-8."
            ) from None
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}") from None

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in " \t\r\n":
            at += 1
        return at

    def _parse(self, at: int, location: Location) -> tuple[Any, int]:
        self._lines[location] = self._text.count("\n", 0, at) + 1
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._object(at + 1, location)
        if opening == "[":
            return self._array(at + 1, location)
        return self._decoder.raw_decode(self._text, at)

    def _object(self, at: int, location: Location) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        at = self._skip(at)
        if self._text[at : at + 1] == "}":
            return result, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise json.JSONDecodeError('a key in "quotes" is expected', self._text, at)
            key, end = self._decoder.raw_decode(self._text, at)
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
