"""Sizes as people read them."""

from __future__ import annotations


def size(number: float) -> str:
    """Return bytes for people, in the decimal units that `docker images` uses."""
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"
