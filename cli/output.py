"""The one way out: all that a command shows passes here, and nothing of it commands the terminal.

Names, logs and errors come from containers and nodes. Whoever wrote them could otherwise move the
cursor, fill the clipboard, answer in a person's name, or have a line read other than it is. What
needs a terminal of its own, such as a shell in a container, does not pass here: it takes the
process over (`container_shell`).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Protocol

from cluster.model.line import Line, Tone

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Beside control characters: what reverses the direction of writing, what some programs take for the
# end of a line, and halves of characters, which can't be written at all.
_COMMANDING = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
)
_CONTROL = re.compile(f"[{_COMMANDING}]")
_COLOUR_OR_CONTROL = re.compile(f"({_COLOUR.pattern})|[\n{_COMMANDING}]")
_SHOWN = "\N{REPLACEMENT CHARACTER}"
_ESCAPE, _RESET = "\x1b", "\x1b[0m"
# Concealed, and the same colour for letters and ground: a line could hide what it says.
_HIDDEN = re.compile(r"\x1b\[(?:[0-9;]*;)?0*8(?:;[0-9;]*)?m")
_TONES = {
    Tone.GOOD: "32", Tone.BAD: "1;31", Tone.WAITING: "33", Tone.QUIET: "2", Tone.TITLE: "1",
    Tone.NEW: "36",
}  # fmt: skip


class Screen(Protocol):
    """What is shown live, at the end of the terminal."""

    def above(self, text: str) -> None:
        """Show a line above it, for good."""

    def close(self) -> None:
        """Take it away; what still runs gets a last line."""


_screens: list[Screen] = []  # what is shown live now: one, or none


def plain(text: str) -> str:
    """Return `text` without colours, and a sign in place of what would command the terminal."""
    return _CONTROL.sub(_SHOWN, _COLOUR.sub("", text).replace("\r\n", "\n"))


def log_line(text: str) -> str:
    """Return a line of a log: as `plain`, but programs' colours stay, as far as the line goes."""
    shown = _COLOUR_OR_CONTROL.sub(lambda found: found[1] or _SHOWN, _HIDDEN.sub("", text))
    return f"{shown.removesuffix(_RESET)}{_RESET}" if _ESCAPE in shown else shown


def escaped(document: str) -> str:
    """Return a JSON document with those characters escaped that JSON itself leaves as they are."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def painted(text: str, stream: IO[str]) -> str:
    """Return `text` as `plain` does, with colours where it has tones and `stream` may have them."""
    if not isinstance(text, Line) or not has_colours(stream):
        return plain(text)
    shown, at = "", 0
    for start, end, tone in text.spans:
        shown += f"{plain(text[at:start])}\x1b[{_TONES[tone]}m{plain(text[start:end])}{_RESET}"
        at = end
    return shown + plain(text[at:])


def has_colours(stream: IO[str]) -> bool:
    """Whether a person looks at `stream`, on a terminal that has colours, and wants them."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    return wanted and stream.isatty()


def is_live() -> bool:
    """Whether something may be shown live: a person looks at all that a command says."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def show_live(screen: Screen) -> None:
    """Have `screen` at the end of the terminal, and lines of progress above it, until `settle`."""
    _screens.append(screen)


def settle() -> None:
    """Take away what is shown live."""
    while _screens:
        _screens.pop().close()


@contextmanager
def settled() -> Iterator[None]:
    """Take away what is shown live when the block ends, however it ends."""
    try:
        yield
    finally:
        settle()


def show(text: str, end: str = "\n") -> None:
    """Write `text` to standard output."""
    settle()
    print(painted(text, sys.stdout), end=end)


def show_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output."""
    for line in lines:
        show(line)


def show_now(text: str) -> None:
    """Write `text` to standard output at once."""
    print(plain(text), flush=True)


def show_line(text: str) -> None:
    """Write a line of a log to standard output at once."""
    print(log_line(text), flush=True)


def show_json(value: object, indent: int | None = 2) -> None:
    """Write `value` to standard output as one JSON document, at once."""
    print(escaped(json.dumps(value, indent=indent, ensure_ascii=False)), flush=True)


def show_yaml(value: object) -> None:
    """Write `value`, which JSON could say, to standard output as one YAML document, at once."""
    import yaml  # 80 ms

    value = json.loads(json.dumps(value))  # words that are constants become words
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    if _CONTROL.search(text):  # PyYAML leaves some of them as they are, unless all is ASCII
        text = yaml.safe_dump(value, sort_keys=False, width=100)
    print(text, end="", flush=True)


def complain(text: str, end: str = "\n") -> None:
    """Write `text` to standard error at once; what is shown live stays below it."""
    if _screens and end == "\n":
        _screens[-1].above(text)
        return
    settle()
    print(plain(text), end=end, file=sys.stderr, flush=True)


def progress(line: str) -> None:
    """Write a line of progress to standard error; that nobody reads it is no error."""
    if _screens:
        _screens[-1].above(line)
        return
    with suppress(OSError):
        # In one call: several threads write here.
        sys.stderr.write(f"  {painted(line, sys.stderr)}\n")


def moment(seconds: float) -> str:
    """Return a time, in seconds since 1970, as tables have it: in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
