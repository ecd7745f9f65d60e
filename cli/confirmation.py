"""Asking a person before something is taken away."""

from __future__ import annotations

import sys

from cli import output
from cli.options import Options
from cluster.errors import ConfigError, SkpError


def confirm(question: str, options: Options) -> None:
    """Ask `question`, unless the command was given --yes.

    Raises:
        SkpError: the answer is not yes. ConfigError: nobody is there who could be asked.
    """
    if options.yes:
        return
    if options.json or not sys.stdin.isatty():
        raise ConfigError(question, "If that is what you want, add --yes.")
    output.complain(f"{question}\nGo on? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SkpError("nothing was changed")
