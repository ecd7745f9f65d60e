"""What the server is given: files in /run/skp."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

_GIVEN, _PAGE = Path("/run/skp"), Path("/opt/skp/page")
_SOCKET = "/run/gate/socket"


@dataclass(frozen=True)
class Config:
    """Whom the server asks, and what it shows.

    Attributes:
        accounts: the account service's address. issuer: who gives access tokens.
        secret: by which the account service knows a service of the platform.
        gate: the path of the gate's socket.
        page: the folder of the files of the API's page.
    """

    accounts: str
    issuer: str
    secret: str = field(repr=False)
    gate: str = _SOCKET
    page: Path = _PAGE


def read(folder: Path = _GIVEN) -> Config:
    """Return what the server is given; raises OSError where a file is missing."""
    names = ("accounts-url", "issuer", "accounts-secret")
    url, issuer, secret = ((folder / name).read_text().strip() for name in names)
    return Config(url, issuer, secret)
