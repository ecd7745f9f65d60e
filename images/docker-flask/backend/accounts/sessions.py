"""The front door's sessions: what a cookie stands for, and the codes that pages' are had with.

Each belongs to a login's family, so that whatever revokes that ends it at the next request.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from accounts.door import LOGIN
from accounts.models import Account, DoorCode, DoorSession, Family
from accounts.tokens import digest

SECONDS = 12 * 3600
"""For how long a login page's session counts, and at most those of the other pages."""
_CODE_SECONDS = 60


@dataclass(frozen=True)
class Visit:
    """A session that counts: whose it is, the login that it comes from, and when it ends."""

    account: Account
    family: Family
    ends_at: int


@dataclass(frozen=True)
class Entry:
    """A page's new session: the cookie's value, and for how many seconds it counts."""

    token: str
    seconds: int

    def __repr__(self) -> str:
        return f"Entry(seconds={self.seconds})"


def begin(session: Session, family: Family) -> str:
    """Begin the login page's session of a login; return the cookie's value."""
    return _add(session, family.id, LOGIN, int(time.time()) + SECONDS)


def find(session: Session, page: str, token: str) -> Visit | None:
    """Return what a page's cookie stands for; None if it is another page's, too old or revoked."""
    if not token:
        return None
    wanted = (
        select(DoorSession.expires_at, Family, Account)
        .join(Family, Family.id == DoorSession.family)
        .join(Account, Account.uid == Family.uid)
        .where(DoorSession.digest == digest(token), DoorSession.page == page)
        .where(DoorSession.expires_at > int(time.time()), *_counts())
    )
    row = session.execute(wanted).one_or_none()
    return Visit(row.Account, row.Family, row.expires_at) if row else None


def give_code(session: Session, visit: Visit, page: str) -> str:
    """Return a code that one session of `page` is had for, once, within a minute."""
    code, now = secrets.token_urlsafe(32), int(time.time())
    session.add(
        DoorCode(
            digest=digest(code), family=visit.family.id, page=page, ends_at=visit.ends_at,
            expires_at=now + _CODE_SECONDS,
        )
    )  # fmt: skip
    return code


def enter(session: Session, page: str, code: str) -> Entry | None:
    """Return a session of `page` for a code; None after it was used, is another's or too old."""
    kept, now = digest(code), int(time.time())
    took = session.execute(
        update(DoorCode)
        .where(DoorCode.digest == kept, DoorCode.page == page, DoorCode.used_at.is_(None))
        .where(DoorCode.expires_at > now, DoorCode.ends_at > now)
        .values(used_at=now)
    )
    if took.rowcount != 1:
        return None
    row = session.get_one(DoorCode, kept)
    login = (
        select(Family.id)
        .join(Account, Account.uid == Family.uid)
        .where(Family.id == row.family, *_counts())
    )
    if session.scalar(login) is None:
        return None
    return Entry(_add(session, row.family, page, row.ends_at), row.ends_at - now)


def remove_old(session: Session) -> None:
    """Delete sessions and codes that count no more, in portions."""
    for table in (DoorSession, DoorCode):
        old = select(table.digest).where(table.expires_at < int(time.time())).limit(1000)
        session.execute(delete(table).where(table.digest.in_(list(session.scalars(old)))))


def _add(session: Session, family: str, page: str, ends_at: int) -> str:
    token = secrets.token_urlsafe(32)
    session.add(DoorSession(digest=digest(token), family=family, page=page, expires_at=ends_at))
    return token


def _counts() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a login counts."""
    now = int(time.time())
    return Family.revoked_at.is_(None), Family.expires_at > now, Account.is_disabled.is_(False)
