"""A text file on this machine that an option names."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.errors import ConfigError


def text_of(option: str, where: str, such_as: str) -> str:
    """Return the text of the file that an option names; "-" is standard input.

    Args:
        option: its long name, for errors. such_as: what it wants, for the hint.

    Raises:
        ConfigError: none is named, or it can't be read as text.
    """
    hint = f"It wants {such_as}."
    if not where:
        raise ConfigError(f"--{option} is needed", hint)
    try:
        return sys.stdin.read() if where == "-" else Path(where).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise ConfigError(f"--{option}={where}: {why}", hint) from None
