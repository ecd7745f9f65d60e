"""What machines are to have, from the settings and the inventory. Pure."""

from __future__ import annotations

import re

from cluster.errors import ConfigError
from cluster.inventory import Inventory
from cluster.settings import Settings
from hosts.setup import Item

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?\.UTF-8(@[a-z]+)?|C\.UTF-8")


def install(settings: Settings, inventory: Inventory) -> tuple[Item, ...]:
    """Return what every machine needs before it can be a node."""
    users = {h.name: {"SKP_USER": h.user or settings.text("SKP_USER")} for h in inventory.hosts}
    return (
        Item("sudo", "sudo", own=users),
        Item("Docker Engine", "engine", own=users),
        Item("log rotation", "logs"),
        Item("clock", "clock"),
        Item("limits", "limits"),
        Item("GPU runtime", "gpu"),
        Item("image builder", "builder", own={inventory.master.name: {}}),
    )


def names(inventory: Inventory) -> tuple[Item, ...]:
    """Return the block of /etc/hosts."""
    lines = "\n".join(f"{host.ipv4} {host.name}" for host in inventory.hosts)
    return (Item("/etc/hosts", "names", {"BLOCK": lines}),)


def locale(name: str) -> tuple[Item, ...]:
    """Return the locale.

    Raises:
        ConfigError: it is not a UTF-8 locale's name.
    """
    if not _LOCALE.fullmatch(name):
        raise ConfigError(
            f'-l="{name}": allowed: a UTF-8 locale' if name else "a locale (-l) is needed",
            'For example: ./skp.py lang.install -l="ko_KR.UTF-8"',
        )
    return (Item("locale", "lang", {"LOCALE": name}),)
