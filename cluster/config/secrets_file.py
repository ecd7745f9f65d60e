"""etc/secrets.env: this machine's copy of the generated secrets, readable by its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cluster.config import secrets, whole_file
from cluster.config.secrets import StoredSecrets
from cluster.config.settings import Settings
from cluster.errors import ConfigError

FILE = "secrets.env"
_FORM = "It holds passwords, one KEY='value' a line, and has to be readable by you alone."


def path(settings: Settings) -> Path:
    """Return the file's path, in the folder that SKP_ETC names."""
    return settings.local_path("SKP_ETC") / FILE


def read(path: Path) -> StoredSecrets:
    """Return the secrets in the file; none when there is no file.

    Raises:
        ConfigError: it can't be read, is not of its form, or others can read it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return StoredSecrets()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"{path}: can't be read: {reason}", _FORM) from None
    if mode & 0o077:
        raise ConfigError(
            f"{path}: others can read it (mode {mode:o}; 600 is needed)", f"chmod 600 {path}"
        )
    try:
        return secrets.parse(text)
    except ValueError as error:
        raise ConfigError(f"{path}:{error}: not of the form KEY='value'", _FORM) from None


def check(path: Path) -> None:
    """Check that the file could be written, before anything is touched.

    Raises:
        ConfigError: its folder is missing or not writable.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK):
        reason = "not writable" if path.parent.is_dir() else "no such folder"
        raise ConfigError(
            f"{path.parent}: {reason}: generated passwords can't be kept there",
            "SKP_ETC names the folder.",
        )


def write(path: Path, stored: StoredSecrets) -> None:
    """Replace the file atomically.

    Raises:
        ConfigError: it can't be written.
    """
    try:
        whole_file.write(path, path.with_suffix(".new"), stored.dumps(), 0o600)
    except OSError as error:
        raise ConfigError(
            f"{path}: generated passwords can't be kept there: {error.strerror}",
            "SKP_ETC names the folder; you need to be able to write there.",
        ) from None
