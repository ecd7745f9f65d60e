"""Who asks: the bearer token of a request, and the limits of what anybody may send."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from sqlalchemy.orm import Session

from accounts.door import client_address
from accounts.errors import LoginError
from accounts.models import Account
from accounts.people import find
from accounts.rights import Level, need_above, need_manager
from accounts.service import current
from accounts.tokens import Who

_DIGITS = 32  # of the hash in a project's credential
BEARER: list[dict[str, list[str]]] = [{"bearer": []}]
"""How the API's description says that a token is needed."""
MOST_BYTES = 64 << 10
"""Of a request's body: the largest that is needed has a key and a password."""


@contextmanager
def asked() -> Iterator[tuple[Session, Who]]:
    """Give a transaction and who asks; raises LoginError without a valid token."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise LoginError("a token is needed", "Authorization: Bearer ACCESS_TOKEN (POST /tokens)")
    service = current()
    with service.store.session() as session:
        yield session, service.tokens.check(session, token.strip())


def below(session: Session, who: Who, name: str) -> Account:
    """Return an account that who asks may change, as a manager or an admin.

    Raises:
        RightsError: it may not. A user learns nothing from it: a name that nobody has is the same.
        UnknownError: nobody has that name.
    """
    level = Level(who.account.level)
    need_manager(level)
    account = find(session, name)
    need_above(level, Level(account.level))
    return account


def own_or_below(session: Session, who: Who, name: str) -> Account:
    """Return one's own account if that is its name, or one that `below` returns."""
    return who.account if name == who.account.name else below(session, who, name)


def by_door() -> bool:
    """Return whether a request comes by the front door, which alone knows its secret."""
    return _shows("X-Skp-Door", current().config.door_secret)


def by_service() -> bool:
    """Return whether a request comes from a service of the platform, by the secret that it has."""
    return _shows("X-Skp-Service", current().config.service_secret)


def by_container(project: str) -> int:
    """Return the group id of the project that a container asks for, by its credential.

    It is "GID.HASH", the hash a keyed one of the project's name and group id (HMAC-SHA256): it
    counts for this project alone, and for none that has its name later.

    Raises:
        LoginError: it has none, or one of another project.
    """
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    gid, _, hashed = shown.partition(".")
    key, said = current().config.project_secret, f"{project}:{gid}"
    wanted = hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest()[:_DIGITS]
    fits = hmac.compare_digest(wanted.encode(), hashed.encode())
    if not (key and fits and kind.lower() == "bearer" and gid.isascii() and gid.isdigit()):
        raise LoginError("this credential is not the project's", "./skp.py deploy.apply --update")
    return int(gid)


def _shows(header: str, secret: str) -> bool:
    """Return whether a request shows a secret; nobody shows one that there is not."""
    shown = request.headers.get(header, "")
    return bool(secret) and hmac.compare_digest(secret.encode(), shown.encode())


def address() -> str:
    """Return the address that a request came from; the door's requests came from who asked it."""
    direct = request.remote_addr or "unknown"
    if not by_door():
        return direct
    return client_address(request.headers.get("X-Forwarded-For", "")) or direct
