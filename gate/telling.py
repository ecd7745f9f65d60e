"""The gate's own log: standard error of its container."""

from __future__ import annotations

import sys


def log(text: str) -> None:
    """Tell a line, or several."""
    sys.stderr.write(f"gate: {text}\n")
    sys.stderr.flush()
