"""Passwords and tokens: from env.sh if set there, else generated and kept in etc/secrets.env."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import shlex
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import ConfigError
from cluster.settings import Settings

FILE = "secrets.env"
# The key of the hashes in container labels: without it nobody can guess a password from a label.
SPEC_KEY = "SKP_SPEC_KEY"
_LOCK_SECONDS = 10
_HEADER = "# Generated passwords of SKP. Keep this file; to set one yourself, use bin/env.sh.\n"
_FORM = "It holds passwords, one KEY='value' a line, and has to be readable by you alone."


class Secret:
    """A text that does not show itself: not in a repr, a log, or an exception."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the one place that has to have it."""
        return self._value

    def fingerprint(self, key: Secret) -> str:
        """Return a keyed hash (HMAC-SHA256, 32 hex digits) that tells values apart."""
        digest = hmac.new(key.reveal().encode(), self._value.encode(), hashlib.sha256)
        return digest.hexdigest()[:32]

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash(self._value)


def load(settings: Settings) -> Mapping[str, Secret]:
    """Return every secret by its setting's key; generates and stores those that don't exist.

    Raises:
        ConfigError: when etc/secrets.env can't be read, written, or is readable by others.
    """
    path = _path(settings)
    if missing(settings):
        with _locked(path):
            stored = _read(path)
            _write(path, stored | {key: secrets.token_urlsafe(24) for key in missing(settings)})
    return _joined(settings, _read(path))


def preview(settings: Settings) -> Mapping[str, Secret]:
    """Like `load`, but what is generated is not stored: for looking, and for dry runs."""
    generated = {key: secrets.token_urlsafe(24) for key in missing(settings)}
    return _joined(settings, _read(_path(settings)) | generated)


def missing(settings: Settings) -> list[str]:
    """Return the keys of the secrets that are neither set in env.sh nor stored."""
    stored = _read(_path(settings))
    return [key for key in _keys(settings) if not _given(settings, key) and not stored.get(key)]


def _path(settings: Settings) -> Path:
    return settings.local_path("SKP_ETC") / FILE


def _keys(settings: Settings) -> tuple[str, ...]:
    return (SPEC_KEY, *settings.password_keys)


def _given(settings: Settings, key: str) -> str:
    return settings.password(key) if key in settings.password_keys else ""


def _joined(settings: Settings, stored: Mapping[str, str]) -> dict[str, Secret]:
    return {key: Secret(_given(settings, key) or stored[key]) for key in _keys(settings)}


def _read(path: Path) -> dict[str, str]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"{path}: can't be read: {reason}", _FORM) from None
    if mode & 0o077:
        raise ConfigError(
            f"{path}: others can read it (mode {mode:o}; 600 is needed)", f"chmod 600 {path}"
        )
    result = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            (assignment,) = shlex.split(line)
            key, value = assignment.split("=", 1)
        except ValueError:
            raise ConfigError(f"{path}:{number}: not of the form KEY='value'", _FORM) from None
        result[key] = value
    return result


def _write(path: Path, values: Mapping[str, str]) -> None:
    lines = "".join(f"{key}={shlex.quote(value)}\n" for key, value in sorted(values.items()))
    temporary = path.with_suffix(".new")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_HEADER + lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: generated passwords can't be kept there: {error.strerror}",
            "SKP_ETC names the folder; you need to be able to write there.",
        ) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock on the folder of `path`: two first commands at once generate one set."""
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(
            f"{path.parent}: {error.strerror}", "SKP_ETC names this folder."
        ) from None
    end = time.monotonic() + _LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ConfigError(
                        f"{path}: another command is busy there for {_LOCK_SECONDS} s"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
