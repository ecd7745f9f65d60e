"""What bash would misread in a script of settings, or accept without an error. Pure."""

from __future__ import annotations

from pathlib import Path

from cluster.errors import ConfigError

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def check(path: Path, data: bytes) -> None:
    """Refuse text that is not what it seems.

    Args:
        path: the script, as messages name it.

    Raises:
        ConfigError: it is no UTF-8, has Windows line ends, or is empty.
    """
    if data.startswith(_UTF_16):
        raise ConfigError(f"{path}:1: UTF-16, not UTF-8", "Save the file as UTF-8.")
    if data.startswith(_BOM):
        raise ConfigError(
            f"{path}:1: it begins with a byte order mark, which bash takes for a word",
            f"sed -i '1s/^\\xEF\\xBB\\xBF//' {path}",
        )
    for number, line in enumerate(data.split(b"\n"), 1):
        _check_line(f"{path}:{number}", line, path)
    if not data.strip():
        raise ConfigError(
            f"{path}:1: the file is empty, which would set everything back to its default",
            "Take it from a copy, or from where you got SKP: git checkout bin/env.sh",
        )


def _check_line(place: str, line: bytes, path: Path) -> None:
    if line.endswith(b"\r"):
        raise ConfigError(f"{place}: Windows line ends (CRLF)", f"sed -i 's/\\r$//' {path}")
    if b"\0" in line:
        raise ConfigError(f"{place}: a NUL byte; text is needed", "Is it the right file?")
    try:
        line.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: not UTF-8", "Save the file as UTF-8.") from None
