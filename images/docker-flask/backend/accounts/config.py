"""What the container is given: secrets as files under /run/skp, all else as variables."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url

SECRETS = Path("/run/skp")
ACCESS_SECONDS = 300
REFRESH_SECONDS = 30 * 24 * 3600
AUDIENCE = "skp"


@dataclass(frozen=True)
class Config:
    """What the service works with.

    Attributes:
        url: the database's.
        secret: what the private keys in the database are encrypted with.
        first_password: that of the first account, admin.
        issuer: the tokens' issuer.
        first, last: the user and group ids that may be given.
        reserved: names that nobody can have.
        door_secret: what the front door shows that it is it; "" where there is none.
        service_secret: what services of the platform show that they are; "" for none.
        project_secret: what the credentials of projects' containers are made with; "" for none.
        pages: the file that tells which pages are behind it; others change it at any time.
    """

    url: URL = field(repr=False)
    secret: str = field(repr=False)
    first_password: str = field(repr=False)
    issuer: str
    first: int
    last: int
    reserved: frozenset[str]
    door_secret: str = field(default="", repr=False)
    service_secret: str = field(default="", repr=False)
    project_secret: str = field(default="", repr=False)
    pages: Path = SECRETS / "live" / "pages.json"


def read(folder: Path = SECRETS) -> Config:
    """Return what this container was given."""
    first, _, last = os.environ["FLASK_UID_RANGE"].partition("-")

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8").strip()

    def given(name: str) -> str:
        # (What an earlier version of SKP made the container with does not have them all.)
        return text(name) if (folder / name).exists() else ""

    return Config(
        url=make_url(text("store-url")),
        secret=text("secret"),
        first_password=text("admin-password"),
        issuer=os.environ["FLASK_ISSUER"],
        first=int(first),
        last=int(last),
        reserved=frozenset(text("reserved-names").split()),
        door_secret=given("door-secret"),
        service_secret=given("service-secret"),
        project_secret=given("project-secret"),
        pages=folder / "live" / "pages.json",
    )
