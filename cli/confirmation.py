"""Asking a person before something is taken away."""

from __future__ import annotations

import sys

from cli.options import Options
from cluster.errors import ConfigError, SkpError


def agrees(question: str, options: Options) -> bool:
    """Ask `question`; --yes answers it. Where nobody can be asked, the answer is no."""
    if options.yes:
        return True
    return not options.json and sys.stdin.isatty() and _asked(question)


def confirm(question: str, options: Options) -> None:
    """Ask `question`, unless the command was given --yes.

    Raises:
        SkpError: the answer is not yes. ConfigError: nobody is there who could be asked.
    """
    if options.yes:
        return
    if options.json or not sys.stdin.isatty():
        raise ConfigError(question, "If that is what you want, add --yes.")
    if not _asked(question):
        raise SkpError("nothing was changed")


def _asked(question: str) -> bool:
    print(f"{question}\nGo on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
