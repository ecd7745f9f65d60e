"""What a Dockerfile begins from: the images that it names. Pure.

Only what needs no shell is known: instructions, comments, lines that go on, here-documents, and
variables of ARG before the first FROM (docs.docker.com, Dockerfile reference).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cluster.errors import ConfigError, ConfigErrors
from workloads.check import is_image

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_HERE = re.compile(r"<<-?(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\1")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}$]*))?\})")
_FROM = re.compile(r"(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*", re.IGNORECASE)
_COPIED = re.compile(r"--from=(\S+)")
_MOUNTED = re.compile(r"--mount=\S*?\bfrom=([^,\s]+)")
_MOST = 1 << 18  # characters
_NOTHING = "scratch"


@dataclass(frozen=True)
class Line:
    """An instruction, with the number of its first line."""

    number: int
    word: str
    rest: str


def bases(name: str, text: str) -> dict[str, int]:
    """Return the images that a Dockerfile names, each with the number of its first line.

    Args:
        name: of the file, for messages.

    Raises:
        ConfigErrors: with all that is wrong with them.
    """
    if len(text) > _MOST:
        raise ConfigError(f"{name}: it has more than {_MOST >> 10} kB")
    found: dict[str, int] = {}
    errors: list[ConfigError] = []
    stages: set[str] = set()
    known: dict[str, str] = {}
    began = 0
    for line in _lines(text):
        if line.word == "ARG" and not began:
            key, _, value = line.rest.strip().partition("=")
            known[key] = _filled(value.strip("\"'"), known)
            continue
        for said in _named(line):
            image = _filled(said, known)
            if image.lower() in stages | {_NOTHING} or (image.isdecimal() and line.word != "FROM"):
                continue
            if is_image(image):
                found.setdefault(image, line.number)
            else:
                errors.append(_no_image(f"{name}:{line.number}", said, image))
        if line.word == "FROM":
            began += 1
            stage = _FROM.fullmatch(line.rest.strip())
            stages |= {stage[2].lower()} if stage and stage[2] else set()
    if not began and not errors:
        errors.append(ConfigError(f"{name}: there is no FROM", "FROM skp/base:trixie, say."))
    if errors:
        raise ConfigErrors(errors)
    return found


def _no_image(place: str, said: str, image: str) -> ConfigError:
    shown = f"{said}, which is {image!r} here," if said != image else said
    hint = "Variables are known that an ARG before the first FROM gives a value."
    return ConfigError(f"{place}: {shown} is no reference to an image", hint)


def _named(line: Line) -> Iterator[str]:
    if line.word == "FROM":
        found = _FROM.fullmatch(line.rest.strip())
        yield found[1] if found else line.rest.strip()
    elif line.word in ("COPY", "ADD"):
        yield from _COPIED.findall(line.rest)
    elif line.word == "RUN":
        yield from _MOUNTED.findall(line.rest)


def _filled(text: str, known: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return known.get(found[1] or found[2], "") or found[3] or ""

    return _VARIABLE.sub(value, text)


def _lines(text: str) -> Iterator[Line]:
    """Yield the instructions; of a here-document the first line alone."""
    rows = enumerate(text.splitlines(), 1)
    for number, row in rows:
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        whole = row
        while whole.rstrip().endswith("\\"):
            whole = whole.rstrip()[:-1] + " " + _next(rows)
        found = _INSTRUCTION.fullmatch(whole)
        if not found:
            continue
        word = found[1].upper()
        if word in ("RUN", "COPY", "ADD"):
            for _, end in _HERE.findall(found[2]):
                _skip(rows, end)
        yield Line(number, word, found[2])


def _next(rows: Iterator[tuple[int, str]]) -> str:
    """Return the row that goes on; comments between are none."""
    for _, row in rows:
        if not row.lstrip().startswith("#"):
            return row
    return ""


def _skip(rows: Iterator[tuple[int, str]], end: str) -> None:
    for _, row in rows:
        if row.strip() == end:
            return
