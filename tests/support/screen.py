"""A terminal of a given width, as a person sees it: what is on it now, and all that went by.

It knows the few commands that SKP may send; any other fails the test that reads the screen.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pytest

_SECONDS = 60
_PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b|[\r\n]|[^\x1b\r\n]+")


class Screen:
    """Text in lines, of which the last `height` can be written again.

    Attributes:
        written: the bytes as they came, one entry for each time that something came.
        lines: what a person can see or scroll back to, without colours.
        colours: the numbers of all colours and styles that were used.
    """

    def __init__(self, width: int, height: int = 40) -> None:
        self.width, self.height = width, height
        self.written: list[bytes] = []
        self.lines: list[str] = [""]
        self.colours: set[str] = set()
        self._row = self._column = 0
        self._rest = ""

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")

    def feed(self, data: bytes) -> None:
        """Show what a program wrote."""
        self.written.append(data)
        text = self._rest + data.decode(errors="replace")
        text, self._rest = _whole(text)
        for found in _PART.finditer(text):
            if found[2]:
                self._command(found[1], found[2])
            elif found[0] == "\n":
                self._down(1)
            elif found[0] == "\r":
                self._column = 0
            else:
                assert found[0] != "\x1b", f"an unknown command: {text[found.start() :][:20]!r}"
                self._put(found[0])

    def _put(self, text: str) -> None:
        for letter in text:
            assert letter.isprintable(), f"{letter!r} commands the terminal"
            if self._column == self.width:
                self._down(1)
                self._column = 0
            line = self.lines[self._row].ljust(self._column)
            self.lines[self._row] = line[: self._column] + letter + line[self._column + 1 :]
            self._column += 1

    def _down(self, count: int) -> None:
        self._row += count
        self.lines += [""] * (self._row + 1 - len(self.lines))

    def _command(self, numbers: str, letter: str) -> None:
        if letter == "m":
            self.colours |= set(numbers.split(";")) - {"0", ""}
        elif letter == "A":
            self._row -= int(numbers or 1)
            assert self._row >= max(0, len(self.lines) - self.height), "above the screen"
        elif letter == "K":
            line = self.lines[self._row]
            self.lines[self._row] = "" if numbers == "2" else line[: self._column]
        else:
            pytest.fail(f"an unknown command: ESC[{numbers}{letter}")


def _whole(text: str) -> tuple[str, str]:
    """Split off the beginning of a command whose end has not come yet."""
    at = text.rfind("\x1b")
    if at >= 0 and not re.match(r"\x1b\[[0-9;?]*[A-Za-z]", text[at:]) and len(text) - at < 12:
        return text[:at], text[at:]
    return text, ""


class Window:
    """A terminal with its screen, which is read as long as it is open.

    Attributes:
        stream: what a program writes to.
        descriptor: the program's end.
    """

    def __init__(self, width: int, height: int = 40) -> None:
        self._ours, self.descriptor = pty.openpty()
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, size)
        self.stream: IO[str] = os.fdopen(os.dup(self.descriptor), "w", encoding="utf-8")
        self.screen = Screen(width, height)
        self._failed: BaseException | None = None
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, pattern: str) -> str:
        """Wait until what a person sees has `pattern`; return all of it."""
        return self.until(lambda text: re.search(pattern, text) is not None, pattern)

    def until(self, holds: Callable[[str], bool], what: str = "it") -> str:
        """Wait until what a person sees is as wanted; return all of it."""
        end = time.monotonic() + _SECONDS
        with self._news:
            while not holds(self.screen.text):
                assert self._failed is None, self._failed
                left = end - time.monotonic()
                assert left > 0, f"{what} did not come:\n{self.screen.text}"
                self._news.wait(left)
            return self.screen.text

    def type(self, text: str) -> None:
        """Type on its keyboard."""
        os.write(self._ours, text.encode())

    def close(self) -> str:
        """Read what is left and return all that a person sees; nothing may be shown after that."""
        self.stream.close()
        os.close(self.descriptor)
        self._reader.join(_SECONDS)
        os.close(self._ours)
        assert self._failed is None, self._failed
        return self.screen.text

    def _read(self) -> None:
        try:
            while True:
                select.select([self._ours], [], [])
                data = os.read(self._ours, 1 << 16)
                with self._news:
                    self.screen.feed(data)
                    self._news.notify_all()
        except OSError:
            return  # the program's end is closed
        except BaseException as error:  # noqa: BLE001 - the test that waits is told
            with self._news:
                self._failed = error
                self._news.notify_all()


@contextmanager
def window(monkeypatch: pytest.MonkeyPatch, width: int, height: int = 40) -> Iterator[Window]:
    """Have this process show all it says on a terminal, coloured, until the block ends."""
    made = Window(width, height)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", made.stream)
        patch.setattr("sys.stderr", made.stream)
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("COLUMNS", str(width))
        patch.setenv("LINES", str(height))
        patch.delenv("NO_COLOR", raising=False)
        yield made
