"""Tokens: short-lived ones that say who somebody is, and those that renew them once each."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from accounts.config import ACCESS_SECONDS, AUDIENCE, REFRESH_SECONDS, Config
from accounts.errors import InvalidError, LoginError
from accounts.keys import ALGORITHM, Keys
from accounts.models import Account, Family, ProgramToken, RefreshToken

_AUDIENCE = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_NEEDED = ["aud", "exp", "iat", "iss", "sub", "sid", "uid"]


@dataclass(frozen=True)
class Who:
    """Who asks: the account, and the family of the token that says so."""

    account: Account
    family: Family


class Tokens:
    """Gives, renews, checks and revokes tokens."""

    def __init__(self, config: Config, keys: Keys) -> None:
        self._config, self._keys = config, keys

    def begin(self, session: Session, account: Account, audience: str = "") -> dict[str, Any]:
        """Return the first tokens of a login.

        Args:
            audience: the one service that the access token is for; "" for all that trust this one.

        Raises:
            InvalidError: the audience is not of its form.
        """
        return self.pair(session, account, self.open(session, account, audience))

    def open(self, session: Session, account: Account, audience: str = "") -> Family:
        """Begin a login, with no token yet; arguments and errors are those of `begin`."""
        if audience and not _AUDIENCE.fullmatch(audience):
            raise InvalidError("audience: allowed: 1 to 32 of a-z, 0-9 and -, such as jupyter")
        now = int(time.time())
        family = Family(
            id=uuid.uuid4().hex, uid=account.uid, audience=audience or AUDIENCE,
            begun_at=now, expires_at=now + REFRESH_SECONDS,
        )  # fmt: skip
        session.add(family)
        session.flush()
        return family

    def renew(self, session: Session, refresh: str) -> dict[str, Any] | None:
        """Return new tokens for a refresh token; None after it was used, is unknown or too old.

        Used a second time it revokes its family: one of the two who had it has stolen it. (None and
        no error, since the caller has to keep the revocation.)
        """
        kept, now = digest(refresh), int(time.time())
        took = session.execute(
            update(RefreshToken)
            .where(RefreshToken.digest == kept, RefreshToken.used_at.is_(None))
            .values(used_at=now)
        )
        row = session.get(RefreshToken, kept)
        if row is None:
            return None
        family = session.get_one(Family, row.family, with_for_update=True)
        account = session.get(Account, family.uid)
        if took.rowcount != 1:
            revoke(family)
            return None
        if family.revoked_at or family.expires_at <= now or not account or account.is_disabled:
            return None
        return self.pair(session, account, family)

    def check(self, session: Session, access: str) -> Who:
        """Return who a token says that asks.

        Raises:
            LoginError: it is not one of ours, for another service, too old, or revoked.
        """
        claims = self._claims(session, access)
        family = session.get(Family, str(claims["sid"]))
        account = session.get(Account, family.uid) if family and not family.revoked_at else None
        if family is None or account is None or account.is_disabled:
            raise LoginError("the token was revoked", "Log in again: POST /tokens.")
        return Who(account, family)

    def pair(self, session: Session, account: Account, family: Family) -> dict[str, Any]:
        """Return an access token of a login, one to renew it with, and what the first one says."""
        access, refresh = self.access(session, account, family), secrets.token_urlsafe(32)
        now = int(time.time())
        session.add(RefreshToken(digest=digest(refresh), family=family.id, given_at=now))
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "name": account.name,
            "uid": account.uid,
            "level": account.level,
            "projects": projects_of(account),
        }

    def access(self, session: Session, account: Account, family: Family, audience: str = "") -> str:
        """Return an access token of a login.

        Args:
            audience: the one service that it is for; "" for what the login was begun for.
        """
        now = int(time.time())
        claims = {
            "iss": self._config.issuer, "aud": audience or family.audience, "sub": account.name,
            "iat": now, "exp": now + ACCESS_SECONDS, "jti": uuid.uuid4().hex, "sid": family.id,
            "uid": account.uid, "level": account.level, "projects": projects_of(account),
        }  # fmt: skip
        return self._keys.sign(session, claims)

    def _claims(self, session: Session, access: str) -> dict[str, Any]:
        try:
            kid = jwt.get_unverified_header(access).get("kid")
            key = self._keys.verification_key(session, kid) if isinstance(kid, str) else None
            if key is None:
                raise LoginError("the token's key is unknown", "Log in again: POST /tokens.")
            return jwt.decode(
                access, key, algorithms=[ALGORITHM], audience=AUDIENCE,
                issuer=self._config.issuer, options={"require": _NEEDED, "strict_aud": True},
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            raise LoginError(
                f"the token is not valid ({type(error).__name__})",
                "Renew it with PUT /tokens, or log in again with POST /tokens.",
            ) from None


def projects_of(account: Account) -> list[dict[str, Any]]:
    """Return an account's projects as tokens and answers have them, in order of their names."""
    found = [(member.project, member.role) for member in account.memberships]
    return [
        {"name": project.name, "gid": project.gid, "role": role}
        for project, role in sorted(found, key=lambda each: each[0].name)
    ]


def family_of(session: Session, refresh: str) -> Family | None:
    """Return the family of a refresh token, used or not."""
    row = session.get(RefreshToken, digest(refresh))
    return session.get(Family, row.family) if row else None


def revoke(family: Family) -> None:
    """Have no token of this login count any more."""
    family.revoked_at = family.revoked_at or int(time.time())


def revoke_all(session: Session, account: Account, beside: Family | None = None) -> None:
    """Have no token of an account count any more, but for those of the login `beside`.

    Those for programs go in any case: whoever had the password could have made them.
    """
    session.execute(delete(ProgramToken).where(ProgramToken.uid == account.uid))
    wanted = update(Family).where(Family.uid == account.uid, Family.revoked_at.is_(None))
    if beside is not None:
        wanted = wanted.where(Family.id != beside.id)
    session.execute(wanted.values(revoked_at=int(time.time())))


def remove_old(session: Session) -> None:
    """Delete what has been too old for a day, in portions."""
    old = select(Family.id).where(Family.expires_at < time.time() - 86400).limit(1000)
    session.execute(delete(Family).where(Family.id.in_(list(session.scalars(old)))))


def digest(secret: str) -> str:
    """Return what is kept of a secret that was given out: enough to know it again."""
    return hashlib.sha256(secret.encode()).hexdigest()
