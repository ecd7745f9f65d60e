"""Logging in: the same answer, in the same time, whoever was named; and not too often."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from accounts import names
from accounts.errors import LimitError, LoginError
from accounts.limits_store import MySQLStorage
from accounts.models import Account
from accounts.passwords import LONGEST, Hasher
from accounts.people import named

_LOG = logging.getLogger("accounts")
_ACCOUNT = parse("10/5 minutes")
_ADDRESS = parse("100/5 minutes")


class Logins:
    """Compares passwords, and counts failures for each account and for each address."""

    def __init__(self, engine: Engine, hasher: Hasher) -> None:
        self._storage = MySQLStorage(engine)
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._hasher = hasher

    def check(
        self,
        session: Session,
        name: str,
        password: str,
        address: str,
        may: Callable[[Account], bool] = lambda _: True,
    ) -> Account:
        """Return the account with this name and password.

        Every try is counted before it is looked at, so that many at once are no way round; what
        succeeds is taken back.

        Args:
            may: whether an account may log in here; for one that may not, no password is right.

        Raises:
            LoginError: there is none, or it is disabled.
            LimitError: too often wrong, for this account (be there one or not) or this address.
        """
        counted = [(_ADDRESS, ("address", address))]
        if names.is_formed(name):
            counted.append((_ACCOUNT, ("account", name)))
        for limit, key in counted:
            self._count(limit, key)
        account = named(session, Account, name)
        kept = account.password_hash if account else None
        fits = self._hasher.matches(kept, password[: LONGEST + 1])
        if account is None or not fits or account.is_disabled or not may(account):
            _LOG.warning("a login from %s was refused (%s)", address, name if account else "?")
            raise LoginError("wrong name or password", "docs/accounts.md: after a lost password.")
        self._take_back(name, address)
        if self._hasher.is_outdated(account.password_hash):
            account.password_hash = self._hasher.hash(password)
        return account

    def _count(self, limit: RateLimitItem, key: tuple[str, str]) -> None:
        if not self._limiter.hit(limit, *key):
            ends = self._limiter.get_window_stats(limit, *key).reset_time
            _LOG.warning("too many failed logins: %s %s", *key)
            raise LimitError(max(1, int(ends - time.time()) + 1))

    def _take_back(self, name: str, address: str) -> None:
        self._limiter.clear(_ACCOUNT, "account", name)
        self._storage.incr(_ADDRESS.key_for("address", address), _ADDRESS.get_expiry(), -1)
