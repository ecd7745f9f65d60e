"""What the server is given for TANGO's manager: a file of JSON, and the container's own routes."""

from __future__ import annotations

import ipaddress
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.facade_answers import Style
from api.facade_who import Open, Whose

SHARED = Path("/shared")
"""Where the container sees the folder that has common/."""
_GIVEN, _ROUTES = Path("/run/skp/facade.json"), Path("/proc/net/route")


@dataclass(frozen=True)
class Config:
    """What is settled.

    Attributes:
        shared: the folder that has common/; None where nothing can be started.
        report: where it is told how things end; "" for nowhere.
        browsers: whether pages of any origin may ask.
    """

    style: Style = Style.TEXT
    shared: Path | None = None
    report: str = ""
    open: Open = field(default_factory=Open)
    browsers: bool = False


def read(given: Path = _GIVEN, routes: Path = _ROUTES) -> Config:
    """Return what the server is given; raises OSError where a file is missing."""
    said: dict[str, Any] = json.loads(given.read_text())
    networks = tuple(map(ipaddress.IPv4Network, said["open_to"]))
    whose = Whose(said["open_account"], said["open_project"])
    return Config(
        Style(said["answers"]),
        SHARED if said["shared"] else None,
        said["report"],
        Open(networks, whose, gateway(routes.read_text()), said["cors"]),
        said["cors"],
    )


def gateway(routes: str) -> str:
    """Return the address of the default route, as /proc/net/route has it; "" for none.

    It is the engine's: what its own proxy passes on comes from there, whoever sent it.
    """
    for line in routes.splitlines()[1:]:
        _, target, through, *_ = line.split()
        if int(target, 16) == 0:
            return str(ipaddress.IPv4Address(struct.pack("<L", int(through, 16))))
    return ""
