"""The file that tells which pages are behind the front door; it changes while the service runs."""

from __future__ import annotations

import logging
from pathlib import Path

from accounts.door import Pages, parse

_LOG = logging.getLogger("accounts")
_Stamp = tuple[int, int, int]


class PagesFile:
    """Reads the file anew when it has changed; what can't be read leaves what was read before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: _Stamp | None = None
        self._pages = Pages()
        self._said = ""

    def read(self) -> Pages:
        """Return the pages as of now; none while there is no file."""
        try:
            # (Before the content: what is written meanwhile is read next time.)
            stamp = self._stamp_now()
            if stamp == self._stamp:
                return self._pages
            text = self._path.read_text(encoding="utf-8") if stamp else ""
            self._stamp = stamp
            self._pages = parse(text) if stamp else Pages()
            self._said = ""
        except (OSError, ValueError, RecursionError) as error:
            self._say(str(error))
        return self._pages

    def _stamp_now(self) -> _Stamp | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _say(self, problem: str) -> None:
        """Log what is wrong with the file, once."""
        if problem != self._said:
            self._said = problem
            _LOG.error("%s keeps its last content: %s", self._path, problem)
