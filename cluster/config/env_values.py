"""What bash would make another value of, in silence, in a script of settings. Pure.

`pa$$w0rd` gets bash's process id, another one each time; `$1` is the script's own path; a backslash
outside of quotes vanishes. Bash complains of none of these, and nobody knows the password then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cluster.errors import ConfigError

_ASSIGNED = re.compile(r"\s*export\s+(\w+)=(.*)")
_ADVICE = """Put the value into 'single quotes', in which bash changes nothing:
  export {key}='...' (a ' itself is then written '\\'')."""
_MEANINGS = {
    "$": "its process id", "#": "the number of its arguments", "*": "its arguments",
    "@": "its arguments", "?": "an exit code", "!": "a process id", "-": "its options",
    "_": "the last word before", "0": "its own name",
}  # fmt: skip
_ARGUMENT, _CHANGING = "an argument of its own", "another value each time"
# Up to what a parameter is that a person hardly means; what has a name of its own may be meant.
_PARAMETER = re.compile(
    r"\$\{?(?:([$#*@?!0-9-]|_(?!\w))"
    r"|((?:S?RANDOM|SECONDS|LINENO|PPID|BASHPID|EPOCH(?:SECONDS|REALTIME))(?!\w)))"
)
_BRACES = re.compile(r"\{[^{}'\"\s]*(?:,|\.\.)[^{}'\"\s]*\}")


def check(path: Path, text: str) -> None:
    """Refuse values that bash would change in silence.

    Args:
        path: the script, as messages name it.

    Raises:
        ConfigError: names the line and the key, and nothing of the value but what bash replaces.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if found := _ASSIGNED.match(line):
            key, value = found.groups()
            for what in _changes(value):
                raise ConfigError(f"{path}:{number}: {key}: {what}", _ADVICE.format(key=key))


def _changes(value: str) -> Iterator[str]:
    """Yield what bash would do to `value`, the rest of a line after KEY=."""
    at, quoted, before = 0, False, ""
    while at < len(value):
        rest, sign = value[at:], value[at]
        step = 1
        if sign == '"':
            quoted = not quoted
        elif sign == "\\":
            step = 2
            # (Before another sign it is meant.)
            if not quoted and rest[1:2].isalnum():
                yield "bash takes the \\ out that stands outside of quotes"
        elif sign == "'" and not quoted:
            step = _past(rest, "'")
        elif rest.startswith("$(") or sign == "`":
            step = _past_command(rest)
        elif sign == "$":
            if found := _PARAMETER.match(rest):
                yield _replaced(found[0].replace("{", ""))
        elif not quoted:
            if sign in ";&|" or (sign == "#" and before.isspace()):
                return
            if _BRACES.match(rest):
                yield "bash makes several words of { and }, and keeps the last"
        before = sign
        at += step


def _replaced(parameter: str) -> str:
    name = parameter[1:]
    meaning = _MEANINGS.get(name, _ARGUMENT if name.isdigit() else _CHANGING)
    return f"bash puts {meaning} in place of {parameter}"


def _past(text: str, end: str) -> int:
    """Return where `text`, which begins with a quote, goes on after the next `end`."""
    found = text.find(end, 1)
    return len(text) if found < 0 else found + 1


def _past_command(text: str) -> int:
    """Return where `text` goes on after the command that it begins with; that is the author's."""
    if text.startswith("`"):
        return _past(text, "`")
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == ")" and depth == 0:
            return at + 1
    return len(text)
