"""Short texts that stand for values: sizes, and labels that a node has to have. Pure."""

from __future__ import annotations

import re

_UNITS = {unit: 1 << 10 * power for power, unit in enumerate("kmgt", 1)}
# As the originals and Docker write them: 16G, 16Gi, 512MB, 3906250Ki.
_SIZE = re.compile(r"([1-9][0-9]{0,9})\s*([kmgt])(?:i?b|i)?", re.IGNORECASE)


def size(text: str) -> int:
    """Return a size such as "16g" in bytes.

    Raises:
        ValueError: it is none.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2].lower()]


def short_size(text: str) -> str:
    """Return a size as our own files say it ("16Gi" is "16g"); what is none as it is."""
    match = _SIZE.fullmatch(text)
    return f"{match[1]}{match[2].lower()}" if match else text


def from_bytes(number: int) -> str:
    """Return a number of bytes as our own files say it, rounded up to whole KiB."""
    for unit in reversed(_UNITS):
        if number % _UNITS[unit] == 0 and number:
            return f"{number // _UNITS[unit]}{unit}"
    return f"{-(-number // _UNITS['k'])}k" if number else "0"


def labels(text: str) -> tuple[tuple[str, str], ...]:
    """Return what "k=v;k=v" says, in that order."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)
