"""What an engine says of itself that decides whether it can run a platform's containers."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.facts.told import flag, keys, parts, text_or, texts
from cluster.model.unfit import Told, unfit


def engine_unfit(info: object) -> tuple[str, str]:
    """Return why an engine can run no container of ours, and what to do; ("", "") for nothing.

    Args:
        info: its answer to GET /info.
    """
    registries = keys(info, "RegistryConfig")
    return unfit(
        Told(
            security=tuple(texts(info, "SecurityOptions")),
            driver=text_or("", info, "Driver"),
            store=tuple(each for pair in parts(info, "DriverStatus") for each in texts(pair)),
            firewall=text_or("", info, "FirewallBackend", "Driver"),
            plain=tuple(_plain(info)) if registries else None,
        )
    )


def _plain(info: object) -> Iterator[str]:
    """Yield networks and names of the registries that the engine speaks to without TLS."""
    yield from texts(info, "RegistryConfig", "InsecureRegistryCIDRs")
    for name in keys(info, "RegistryConfig", "IndexConfigs"):
        if not flag(info, "RegistryConfig", "IndexConfigs", name, "Secure"):
            yield name
