"""Ways at the front door to what users bring: values that the Swarm's store keeps.

Whoever lets a deployment in writes them (workloads/switching.py); the door's service reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

PROJECTS = "skp_"
"""What the names of projects' networks begin with."""
CONFIG, LABEL = "skp-routes", "skp.routes"
"""The name of the config of the Swarm that keeps them, in this label."""


@dataclass(frozen=True)
class Route:
    """The way to a port of a deployment, by a host name.

    Attributes:
        project: whose members may see it, where `login`.
        network: the overlay that the door reaches it on.
        servers: names on that network, one for each copy. port: theirs.
        login: whether the door asks for the account.
        upload: bytes that a request may have at most; 0 for any.
        timeout: seconds until an answer begins; 0 for any.
        health: the path that is asked each second; "" for none.
    """

    project: str
    network: str
    servers: tuple[str, ...]
    port: int
    login: bool = True
    upload: int = 0
    timeout: int = 0
    health: str = ""


@dataclass(frozen=True)
class Routes:
    """All of them, by the first label of their host name.

    Attributes:
        version: of the config that has them: a later state has a higher one; 0 for none.
    """

    by_host: Mapping[str, Route] = field(default_factory=dict)
    version: int = 0

    def text(self) -> str:
        """Return them as the store keeps them."""
        said = {host: asdict(route) for host, route in self.by_host.items()}
        return json.dumps(said, separators=(",", ":"), sort_keys=True)

    @property
    def networks(self) -> tuple[str, ...]:
        """The overlays that a door has to be on."""
        return tuple(sorted({route.network for route in self.by_host.values()}))


def parse(text: str, version: int = 0) -> Routes:
    """Return what `text` of an earlier call of `Routes.text()` says; "" says none.

    Raises:
        ValueError: it is no such text.
    """
    try:
        said = json.loads(text) if text else {}
        found = {
            host: Route(**{**route, "servers": tuple(route["servers"])})
            for host, route in said.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    return Routes(found, version)
