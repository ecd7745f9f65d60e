"""Reading JSON that people write: each error has its line, and a repeated key is an error."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cluster.config.document import DEPTH, Document, Location
from cluster.errors import ConfigError

_OTHER_QUOTES = ("'", "\u2018", "\u2019", "\u201c", "\u201d")  # as word processors write them


class JsonFile(Document):
    """A parsed JSON file."""

    def __init__(self, path: Path, text: str) -> None:
        """Parse `text`, which is what `path` holds; raises ConfigError when it is not JSON."""
        super().__init__(path)
        self._text = text
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
        if len(location) > DEPTH:
            raise json.JSONDecodeError(f"more than {DEPTH} brackets deep", self._text, at)
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
