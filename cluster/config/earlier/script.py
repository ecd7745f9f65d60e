"""The variables of an earlier bin/env.sh or bin/skp.sh, read without running it.

skp.sh of December 2018 ends by running Invoke, so bash does not evaluate it here: an `export` is
understood as far as it is text and other variables, and the rest is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_EXPORT = re.compile(r"\s*export\s+([A-Za-z_]\w*)=(.*)")
_VALUE = re.compile(
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'`;&|()<>#]*))"""
    r"\s*(?:#.*)?"
)
_PART = re.compile(r"\\([\"$`\\])|\$\{(\w+)\}|\$([A-Za-z_]\w*)|(\$(?=[\w({$!?#*@-])|`)")
# The line that begins Invoke, blank lines, comments.
_PASSED_OVER = re.compile(r"\s*(#.*|invoke\s.*|fab\s.*)?")


@dataclass(frozen=True)
class Export:
    """A line of the script.

    Attributes:
        key: the variable; "" for a line that exports none.
        value: its value; None where bash would have to compute it.
    """

    line: int
    key: str
    value: str | None


def is_script(text: str) -> bool:
    """Whether a file's text is a shell script that exports variables."""
    return any(_EXPORT.fullmatch(line) for line in text.splitlines())


def exports(text: str, environment: Mapping[str, str]) -> Iterator[Export]:
    """Yield what each line of a script exports.

    Args:
        environment: what other variables there are: those of the caller's shell.
    """
    known = dict(environment)
    for number, line in enumerate(text.splitlines(), 1):
        if _PASSED_OVER.fullmatch(line):
            continue
        found = _EXPORT.fullmatch(line)
        if found is None:
            yield Export(number, "", None)
            continue
        key, value = found[1], _value(found[2], known)
        if value is not None:
            known[key] = value
        yield Export(number, key, value)


def expand(text: str, known: Mapping[str, str]) -> str | None:
    """Return `text` with $NAME and ${NAME} replaced; None if that takes more than `known`."""
    missing = [
        found
        for found in _PART.finditer(text)
        if found[4] or (found[2] or found[3] or "") not in {"", *known}
    ]
    if missing:
        return None
    return _PART.sub(lambda found: found[1] or known[found[2] or found[3]], text)


def _value(text: str, known: Mapping[str, str]) -> str | None:
    found = _VALUE.fullmatch(text.rstrip())
    if found is None:
        return None
    if found["single"] is not None:
        return found["single"]
    return expand(found["double"] if found["double"] is not None else found["bare"], known)


def rendered(settings: Mapping[str, tuple[str, str]], sources: str) -> str:
    """Return a bin/env.sh.

    Args:
        settings: by key the value, and where that comes from. sources: the files' names.
    """
    lines = [
        "# Settings of SKP, plain shell, translated by config.import from",
        f"# {_on_one_line(sources)}",
        "# Every key and its default: docs/settings.md.",
        "# shellcheck shell=bash",
        "",
        *(
            f"export {key}={quoted(value)}  # {_on_one_line(place)}"
            for key, (value, place) in settings.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    """Return `value` as bash reads it: in single quotes where double ones would change it."""
    if re.search(r'["$`\\!]', value):
        return "'" + value.replace("'", "'\\''") + "'"
    return f'"{value}"'


def _on_one_line(text: str) -> str:
    """Return a text for a comment: what follows a newline in it would be run."""
    return text if text.isprintable() else ascii(text)
