"""Asking a person before something is taken away."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from cli import output
from cli.options import Options
from cluster.errors import ConfigError, SkpError

if TYPE_CHECKING:
    from cluster.commands.converge import Console
    from cluster.model.policy import Say, Watch


def console(options: Options, say: Say, watch: Watch | None) -> Console:
    """Return how a command talks to the person."""
    from cluster.commands.converge import Console

    return Console(
        say,
        confirm=lambda question: confirm(question, options),
        agrees=lambda question: agrees(question, options),
        watch=watch,
    )


def agrees(question: str, options: Options) -> bool:
    """Ask `question`; --yes answers it. Where nobody can be asked, the answer is no."""
    if options.yes:
        return True
    return not options.json and sys.stdin.isatty() and _asked(question)


def confirm_key(question: str, options: Options, *, accepted: bool) -> None:
    """Ask `question`, about a host key that is not known: --yes does not answer it.

    Args:
        accepted: whether the command was given --accept-host-keys, which does.

    Raises:
        SkpError: the answer is not yes. ConfigError: nobody is there who could be asked.
    """
    confirm(question, replace(options, yes=accepted), "--accept-host-keys")


def confirm(question: str, options: Options, option: str = "--yes") -> None:
    """Ask `question`, unless the command was given `option`.

    Raises:
        SkpError: the answer is not yes. ConfigError: nobody is there who could be asked.
    """
    if options.yes:
        return
    if options.json or not sys.stdin.isatty():
        raise ConfigError(question, f"If that is what you want, add {option}.")
    if not _asked(question):
        raise SkpError("nothing was changed")


def _asked(question: str) -> bool:
    output.complain(f"{question}\nGo on? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
