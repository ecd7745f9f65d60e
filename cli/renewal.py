"""Generated passwords as commands show and renew them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cluster.config.secrets import SPEC_KEY
from cluster.errors import ConfigError, SkpError, nearest

if TYPE_CHECKING:
    from cli.session import Session
    from cluster.config.settings import Settings


def renewable(settings: Settings, key: str) -> tuple[str, ...]:
    """Return the keys of the passwords that are to be generated anew: `key`, or for "" all.

    Raises:
        ConfigError: there is none of that name, or it can't be renewed so.
    """
    generated = [
        name
        for name in settings.password_keys
        if not settings.password(name) and name not in settings.given_only
    ]
    if not key:
        return tuple(name for name in generated if name not in settings.lasting)
    _check_known(settings, key)
    if key not in generated:
        where = settings.place(key) if settings.password(key) else str(settings.path)
        raise ConfigError(f"{where}: {key} is given there, not generated", "Change it there.")
    if key in settings.lasting:
        raise ConfigError(
            f"{key}: what was made with it can't be read, or opened, without it",
            "It has to be changed in the service itself.",
        )
    return (key,)


def shown(s: Session, key: str) -> tuple[object, list[str]]:
    """Return a password as JSON and as lines; for "" the keys of all, and where each is from.

    Raises:
        ConfigError: there is none of that name, or the output is no terminal and --yes is missing.
        SkpError: the cluster has none yet.
    """
    settings = s.settings
    if not key:
        width = max(map(len, settings.password_keys))
        rows = [(name, _origin(settings, name)) for name in settings.password_keys]
        return dict(rows), [f"{name:<{width}}  {origin}" for name, origin in rows]
    _check_known(settings, key)
    if not (sys.stdout.isatty() or s.options.yes):
        raise ConfigError(
            f"{key} would be written to a file or another program, where others may read it",
            "If that is what you want, add --yes.",
        )
    with s.fleet(s.inventory.managers) as fleet:
        from cluster.facts.cluster import known_secrets

        found = known_secrets(s.declared, fleet)
    if key in found.generated:
        raise SkpError(f"{key}: the cluster has none yet", "./skp.py docker.apply generates it.")
    value = found.values[key].reveal()
    return {key: value}, [value]


def _origin(settings: Settings, key: str) -> str:
    if settings.password(key):
        return f"given in {settings.place(key)}"
    return "not given" if key in settings.given_only else "generated"


def _check_known(settings: Settings, key: str) -> None:
    if key == SPEC_KEY:
        raise ConfigError(
            f"{key} tells this cluster's containers and data from others', and is nobody's password"
        )
    if key not in settings.password_keys:
        known = ", ".join(settings.password_keys)
        raise ConfigError(
            f"{key} is no password of SKP{nearest(key, settings.password_keys)}",
            f"There are: {known}",
        )
