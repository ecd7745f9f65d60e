"""bin/env.sh as typed values.

The file is a shell script, so bash evaluates it: in a clean environment, so that what a person
happens to have exported changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from cluster import schema
from cluster.deadlines import NAMES, Deadlines
from cluster.errors import ConfigError, ConfigErrors, nearest

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "etc" / "settings.schema.json"
EVALUATION_SECONDS = 10
# The guide's files set these; nothing needs them any more.
OBSOLETE = frozenset({"JUPYTER_DOCKER"})
_SHELL_OWN = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "PATH", "HOME", "USER", "LANG"})


@dataclass(frozen=True)
class Setting:
    """A setting that a service declares.

    Attributes:
        key: its name in bin/env.sh.
        kind: one of the kinds in etc/settings.schema.json ($defs).
        default: its value when env.sh does not set it; may use other settings ($SKP_HOME).
        title: what it means, in a few words.
    """

    key: str
    kind: str
    default: str
    title: str


class Settings:
    """All settings with their defaults filled in; read-only.

    Passwords are not here but in `cluster.secrets`, so that nothing prints them by accident.
    """

    def __init__(
        self,
        path: Path,
        values: Mapping[str, str | int | bool],
        passwords: Mapping[str, str],
        warnings: Iterable[str] = (),
        again: Callable[[Mapping[str, str]], Settings] | None = None,
    ) -> None:
        self.path = path
        self._again = again
        self.warnings = tuple(warnings)
        self._values = dict(values)
        self._passwords = dict(passwords)

    def text(self, key: str) -> str:
        """Return the value of `key` as a string."""
        return str(self._values[key])

    def number(self, key: str) -> int:
        """Return the value of `key`, a port or a number of seconds."""
        return int(self._values[key])

    def flag(self, key: str) -> bool:
        """Return the value of `key`, TRUE or FALSE in the file."""
        return bool(self._values[key])

    def password(self, key: str) -> str:
        """Return the password that the user set for `key`, or "" when it is to be generated."""
        return self._passwords[key]

    @property
    def password_keys(self) -> tuple[str, ...]:
        """The keys of all passwords and tokens that exist."""
        return tuple(self._passwords)

    @property
    def deadlines(self) -> Deadlines:
        """The table of deadlines with the user's own values."""
        return Deadlines(
            **{name: float(self.number(f"SKP_TIMEOUT_{name.upper()}")) for name in NAMES}
        )

    def overridden(self, values: Mapping[str, str]) -> Settings:
        """Return the settings with other values for some keys.

        Raises:
            ConfigErrors: a value is not of its key's kind.
        """
        assert self._again is not None, "these settings were not read from a file"
        return self._again(values)

    def expand(self, text: str) -> str:
        """Return `text` with $KEY replaced by the value of that setting."""
        return Template(text).safe_substitute(self._values)

    def local_path(self, key: str) -> Path:
        """Return `key` as a path on this machine; a relative one starts at the project."""
        return ROOT / Path(self.text(key)).expanduser()


def evaluate(path: Path) -> dict[str, str]:
    """Return what the shell script at `path` exports.

    Raises:
        ConfigError: when it can't be read, has a syntax error, ends with an error or hangs.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file", "bin/env.sh holds the settings.")
    if b"\r\n" in path.read_bytes():
        raise ConfigError(f"{path}: it has Windows line ends (CRLF)", f"sed -i 's/\\r$//' {path}")
    script = 'source "$1" 1>&2 || exit; exec env -0'
    try:
        done = subprocess.run(
            ["env", "-i", "PATH=/usr/bin:/bin", f"HOME={Path.home()}", "LANG=C.UTF-8", "bash",
             "--noprofile", "--norc", "-c", script, "skp", str(path.absolute())],
            capture_output=True, timeout=EVALUATION_SECONDS, cwd=ROOT, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"{path}: still running after {EVALUATION_SECONDS} s", "It should only set variables."
        ) from None
    said = done.stderr.decode(errors="replace").strip().replace(f"{path.absolute()}: ", f"{path}: ")
    if done.returncode != 0 or re.search(r"^\S+: line \d+: ", said, re.MULTILINE):
        raise ConfigError(
            f"{path}: bash can't evaluate it: {said or f'exit code {done.returncode}'}",
            'Write each setting as export KEY="value", without spaces around the =.\n'
            "  An unexpected end means that a quote is missing further up.",
        )
    try:
        pairs = done.stdout.decode().rstrip("\0").split("\0")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8", "Save the file as UTF-8.") from None
    exported = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return {key: value for key, value in exported.items() if key not in _SHELL_OWN}


def read(path: Path, declared: Iterable[Setting], overrides: Mapping[str, str]) -> Settings:
    """Evaluate and check the settings at `path`.

    Args:
        path: the env.sh.
        declared: the settings of all services.
        overrides: values that win over the file, e.g. SKP_HOSTS from the caller's environment.

    Raises:
        ConfigErrors: with everything that is wrong, each with its line.
    """
    document = schema.load(SCHEMA)
    properties: dict[str, Any] = dict(document["properties"])
    for setting in declared:
        properties[setting.key] = {
            "$ref": f"#/$defs/{setting.kind}",
            "default": setting.default,
        }
    return _build(path, document, properties, {**evaluate(path), **overrides}, {})


def _build(
    path: Path,
    document: Mapping[str, Any],
    properties: Mapping[str, Any],
    exported: Mapping[str, str],
    options: Mapping[str, str],
) -> Settings:
    """Return checked settings; `options` win over what the file has `exported`."""
    raw = {key: v for key, v in {**exported, **options}.items() if key in properties}
    for key, definition in properties.items():
        if key not in raw:
            raw[key] = Template(definition["default"]).safe_substitute(raw)
    kinds = {key: document["$defs"][p["$ref"].split("/")[-1]] for key, p in properties.items()}
    values = {key: _typed(kinds[key], raw[key]) for key in properties}
    checked = {"$defs": document["$defs"], "properties": properties}
    errors = [
        ConfigError(f"{violation.location[0]}: {violation.what}")
        if violation.location[0] in options
        else _error(path, str(violation.location[0]), violation.what, hidden=raw)
        for violation in schema.violations(checked, values)
    ]
    if not errors and (wrong := _wrong_subnet(raw["SKP_NET_SUBNET"])):
        errors.append(_error(path, "SKP_NET_SUBNET", wrong, hidden={}))
    if errors:
        raise ConfigErrors(errors)
    passwords = {k for k, p in properties.items() if p["$ref"] == "#/$defs/password"}
    return Settings(
        path,
        {key: value for key, value in values.items() if key not in passwords},
        {key: raw[key] for key in passwords},
        _misspelt(path, exported, properties),
        partial(_build, path, document, properties, exported),
    )


def _wrong_subnet(text: str) -> str:
    try:
        ipaddress.IPv4Network(text or "0.0.0.0/0")
    except ValueError as error:
        return f"{error}; allowed: an IPv4 subnet such as 10.90.0.0/16"
    return ""


def _typed(kind: Mapping[str, Any], value: str) -> str | int | bool:
    if kind["type"] == "integer" and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if kind["type"] == "boolean" and value.upper() in ("TRUE", "FALSE"):
        return value.upper() == "TRUE"
    return value


def _error(path: Path, key: str, what: str, hidden: Mapping[str, str]) -> ConfigError:
    if key.endswith(("PASSWORD", "SECRET", "TOKEN", "KEY")) and hidden.get(key):
        what = f"a value found that is not shown; allowed:{what.rsplit('allowed:', maxsplit=1)[-1]}"
    line = _line(path, key)
    return ConfigError(f"{path}{f':{line}' if line else ''}: {key}: {what}")


def _line(path: Path, key: str) -> int | None:
    """Return the last line that assigns `key`; bash itself does not tell."""
    pattern = re.compile(rf"^\s*(?:export\s+|declare\s+-x\s+)?{re.escape(key)}=")
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)]
    return lines[-1] if lines else None


def _misspelt(path: Path, exported: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Yield a hint for each name that is not ours but looks as if it was meant to be."""
    known = list(known)
    for key in exported:
        if key in known or key in OBSOLETE:
            continue
        if hint := nearest(key, known, cutoff=0.88):
            line = _line(path, key)
            where = f"{path}:{line}" if line else str(path)
            yield f"{where}: {key} is not a setting of SKP and is left alone{hint}"
