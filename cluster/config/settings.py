"""The settings of bin/env.sh as typed values, each checked for its kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from cluster.config import kinds
from cluster.config.earlier.names import OUTDATED, Outdated
from cluster.config.env_file import EnvFile, evaluate
from cluster.config.kinds import ROOT, Setting
from cluster.deadlines import NAMES, Deadlines
from cluster.errors import ConfigError, ConfigErrors, nearest


class Settings:
    """All settings with their defaults filled in; read-only.

    Passwords are kept apart from the other values, so that nothing prints them by accident; those
    in force are in `Cluster.secrets`.

    Attributes:
        path: the file, as messages name it.
        warnings: names in the file that look like misspelt settings, or were some once.
        given_only: the keys of secrets that are never generated.
        lasting: the keys of secrets that can't be renewed.
    """

    def __init__(
        self,
        path: Path,
        values: Mapping[str, str | int | bool],
        passwords: Mapping[str, str],
        places: Mapping[str, str] | None = None,
        ports: Collection[str] = (),
        again: Callable[[Mapping[str, str]], Settings] | None = None,
        others: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the values by key, where each is set, which keys are ports, and how to override."""
        self.path = path
        self.warnings: tuple[str, ...] = ()
        self.given_only: frozenset[str] = frozenset()
        self.lasting: frozenset[str] = frozenset()
        self._again = again
        self._values = dict(values)
        self._passwords = dict(passwords)
        self._places = dict(places or {})
        self._ports = tuple(ports)
        self._others = dict(others or {})

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
        """Return the password that bin/env.sh sets for `key`; "" when it is to be generated."""
        return self._passwords[key]

    @property
    def password_keys(self) -> tuple[str, ...]:
        """The keys of all passwords and tokens."""
        return tuple(self._passwords)

    @property
    def plain(self) -> dict[str, str]:
        """All values but secrets, by key, as the file would have them."""
        return {key: _written(value) for key, value in self._values.items()}

    def others(self, prefix: str) -> dict[str, str]:
        """Return the other variables of the file that begin with `prefix`; they may be secrets."""
        return {key: value for key, value in self._others.items() if key.startswith(prefix)}

    def place(self, key: str) -> str:
        """Return where `key` is set: "bin/env.sh:25"."""
        return self._places.get(key, str(self.path))

    def ports(self, number: int) -> list[str]:
        """Return the settings whose value is this port, as "JUPYTER_PORT (bin/env.sh:25)"."""
        return [
            f"{key} ({self._places.get(key, 'its default')})"
            for key in self._ports
            if self._values[key] == number
        ]

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


def _written(value: str | int | bool) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class _Known:
    """The schema of all settings, and the variables of earlier versions that are none."""

    document: Mapping[str, Any]
    outdated: Mapping[str, Outdated]


def read(
    path: Path,
    declared: Iterable[Setting],
    overrides: Mapping[str, str],
    outdated: Mapping[str, Outdated] = OUTDATED,
) -> Settings:
    """Evaluate and check the settings at `path`.

    Args:
        path: the env.sh, as messages name it; a relative one starts at the project.
        declared: the settings of all services.
        overrides: values that win over the file, e.g. SKP_HOSTS from the caller's environment.
        outdated: variables of earlier versions, the services' own among them.

    Raises:
        ConfigErrors: with everything that is wrong, each with its line.
    """
    known = _Known(kinds.document(declared), outdated)
    return _build(evaluate(path, ROOT), known, overrides, {})


def _build(
    file: EnvFile,
    known: _Known,
    overrides: Mapping[str, str],
    options: Mapping[str, str],
) -> Settings:
    """Return checked settings; `options`, of the command line, win over all others."""
    document = known.document
    properties = document["properties"]
    every = {*properties, *known.outdated}
    given = {**file.exported, **overrides, **options}
    raw = {key: given[key] for key in properties if key in given}
    for key, definition in properties.items():
        if key not in raw:
            raw[key] = Template(definition["default"]).safe_substitute(raw)
    kind_of = {key: definition["$ref"].split("/")[-1] for key, definition in properties.items()}
    values = {key: kinds.typed(document["$defs"][kind_of[key]], raw[key]) for key in properties}
    hidden = {key for key, kind in kind_of.items() if kind in kinds.SECRET}
    places = {key: file.place(key) for key in properties if key in file.exported}
    places |= dict.fromkeys(options, "the command line")
    errors = {
        key: _error(places.get(key, str(file.path)), key, what, key in hidden)
        for key, what in kinds.wrong(document, values, given).items()
    }
    errors |= _not_exported(file, properties)
    if errors:
        raise ConfigErrors(errors[key] for key in sorted(errors, key=lambda k: file.line(k) or 0))
    settings = Settings(
        file.path,
        {key: value for key, value in values.items() if key not in hidden},
        {key: raw[key] for key in properties if key in hidden},
        places,
        [key for key, kind in kind_of.items() if kind == "port"],
        partial(_build, file, known, overrides),
        {k: v for k, v in file.exported.items() if k not in every},
    )
    settings.given_only = frozenset(key for key in hidden if kind_of[key] in kinds.GIVEN)
    settings.lasting = frozenset(key for key in hidden if kind_of[key] == kinds.LASTING)
    settings.warnings = (
        *_misspelt(file, every),
        *_outdated(file, known.outdated),
        *_shown(file, sorted(hidden)),
    )
    return settings


def _error(place: str, key: str, what: str, secret: bool) -> ConfigError:
    if secret:
        what = kinds.unshown(what)
    return ConfigError(f"{place}: {key}: {what}")


def _not_exported(file: EnvFile, known: Collection[str]) -> dict[str, ConfigError]:
    """Return an error for each setting that is set and not exported: it would have no effect."""
    return {
        key: ConfigError(
            f"{file.place(key)}: {key} is set and not exported", f"Write: export {key}=..."
        )
        for key in file.private & set(known)
    }


def _shown(file: EnvFile, secrets: Iterable[str]) -> Iterator[str]:
    """Yield a warning for each password in a file that others on this machine can read."""
    for key in secrets:
        if file.is_shown(key):
            yield (
                f"{file.place(key)}: {key}: others on this machine can read it: "
                f"chmod 600 {file.path}"
            )


def _misspelt(file: EnvFile, known: Collection[str]) -> Iterator[str]:
    """Yield a hint for each variable that is no setting, but whose name is close to one."""
    for key in file.exported:
        if key not in known and (hint := nearest(key, known, cutoff=0.88)):
            yield f"{file.place(key)}: {key} is not a setting of SKP and is left alone{hint}"


def _outdated(file: EnvFile, outdated: Mapping[str, Outdated]) -> Iterator[str]:
    """Yield what to write instead of each variable that an earlier version had."""
    for key, value in file.exported.items():
        if key in outdated and value != outdated[key].nothing:
            yield f"{file.place(key)}: {key} has no effect: {outdated[key].advice}"
